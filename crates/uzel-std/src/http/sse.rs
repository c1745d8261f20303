//! Server-sent events out of bytes that come in any pieces. Used by models that stream.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its data; several `data` lines are joined by line breaks.
    pub data: String,
}

/// Takes bytes, gives events (WHATWG HTML, 9.2.6). The reader of the bytes bounds how many there can be.
#[derive(Clone, Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
}

impl Events {
    /// The events that these bytes complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut found = vec![];
        for byte in bytes {
            // CR, LF and CR LF all end a line once.
            let is_second = std::mem::take(&mut self.after_cr) && *byte == b'\n';
            match byte {
                b'\n' if is_second => {}
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    found.extend(self.end_line());
                }
                other => self.line.push(*other),
            }
        }
        found
    }

    /// An event whose blank line is missing at the end of the stream: some servers leave it out.
    pub fn finish(&mut self) -> Option<Event> {
        self.end_line().or_else(|| self.end_line())
    }

    fn end_line(&mut self) -> Option<Event> {
        // Whole lines only, so that characters cut between two pieces are whole here.
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments (an empty field), ids and retry times mean nothing here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let bytes = ": hello\n\nevent: a\ndata: Grüße 🦀\n\r\ndata:x\rdata: y\r\rid: 3\n\ndata: [DONE]\n\n".as_bytes();
        let expected = [event("a", "Grüße 🦀"), event("", "x\ny"), event("", "[DONE]")];
        for size in 1..bytes.len() {
            let mut events = Events::default();
            let found: Vec<Event> = bytes.chunks(size).flat_map(|piece| events.push(piece)).collect();
            assert_eq!(found, expected, "pieces of {size}");
            assert_eq!(events.finish(), None);
        }
    }

    #[test]
    fn the_last_blank_line_may_be_missing() {
        let mut events = Events::default();
        assert_eq!(events.push(b"data: [DONE]"), []);
        assert_eq!(events.finish(), Some(event("", "[DONE]")));
    }
}
