//! Where a place of one text is in another that was edited since. Used while a file cannot be parsed: what was known
//! before holds for what was not touched.

/// The offset in `to` of a byte of `from`; `None` in the part that differs.
pub fn moved(from: &str, to: &str, offset: usize) -> Option<usize> {
    if from == to {
        return Some(offset);
    }
    let (a, b) = (from.as_bytes(), to.as_bytes());
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    if offset <= head {
        return Some(offset);
    }
    let rest = (a.len() - head).min(b.len() - head);
    let tail = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    let behind = a.len().checked_sub(offset)?;
    (behind <= tail).then(|| b.len() - behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_touched_is_found_again() {
        let (from, to) = ("one two three", "one 2 three");
        assert_eq!(moved(from, to, 2), Some(2));
        assert_eq!(moved(from, to, 6), None);
        assert_eq!(moved(from, to, 9), Some(7));
        assert_eq!(moved(from, to, 13), Some(11));
        assert_eq!(moved(from, to, 99), None);
        assert_eq!(moved("aa", "aaa", 2), Some(2));
        assert_eq!(moved("", "x", 0), Some(0));
    }
}
