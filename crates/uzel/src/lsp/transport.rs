//! Messages on a stream: a header with a length, an empty line, and JSON. Used by the server.

use std::io::{self, BufRead, Read, Write};

use serde_json::Value;

/// A message that is longer is passed over. The largest app file has ten million bytes, which JSON may double.
const MOST_BYTES: u64 = 64_000_000;
/// A header that is longer is no header.
const MOST_HEADER: u64 = 4_096;
/// Lines of one header.
const MOST_LINES: usize = 16;

/// What came.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// A message.
    Message(Value),
    /// Something that is no message; the next one may be.
    Unreadable(String),
    /// Nothing comes any more.
    End,
}

/// Where the next message begins is not known any more.
#[derive(Debug, PartialEq)]
pub(super) struct Broken(pub(super) String);

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self(format!("it cannot be read: {error}"))
    }
}

/// Reads one message.
pub(super) fn read(input: &mut impl BufRead) -> Result<Incoming, Broken> {
    let Some(length) = header(input)? else { return Ok(Incoming::End) };
    if length > MOST_BYTES {
        io::copy(&mut input.take(length), &mut io::sink())?;
        return Ok(Incoming::Unreadable(format!("a message has {length} bytes; at most {MOST_BYTES} are read")));
    }
    let mut body = vec![];
    input.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Ok(Incoming::End);
    }
    Ok(match serde_json::from_slice(&body) {
        Ok(message @ Value::Object(_)) => Incoming::Message(message),
        Ok(_) => Incoming::Unreadable("a message is no object".to_owned()),
        Err(error) => Incoming::Unreadable(format!("a message is no JSON: {error}")),
    })
}

/// The length of the message that follows; nothing at the end.
fn header(input: &mut impl BufRead) -> Result<Option<u64>, Broken> {
    let mut length = None;
    for lines in 0..MOST_LINES {
        let mut line = vec![];
        input.by_ref().take(MOST_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            return Err(Broken("a line of a header does not end".to_owned()));
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line.is_empty() {
            match length {
                Some(length) => return Ok(Some(length)),
                // Empty lines between messages hurt nobody.
                None if lines == 0 => continue,
                None => return Err(Broken("a header has no `Content-Length`".to_owned())),
            }
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(Broken(format!("`{}` is no header", line.chars().take(40).collect::<String>())));
        };
        if name.trim().eq_ignore_ascii_case("content-length") {
            let value = value.trim();
            let known = value.parse().map_err(|_| Broken(format!("`{value}` is no length")))?;
            length = Some(known);
        }
    }
    Err(Broken("a header does not end".to_owned()))
}

/// Writes one message.
pub(super) fn write(output: &mut dyn Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<Result<Incoming, Broken>> {
        let mut found = vec![];
        loop {
            let next = read(&mut bytes);
            let last = matches!(next, Ok(Incoming::End) | Err(_));
            found.push(next);
            if last {
                return found;
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = vec![];
        let messages = [json!({ "id": 1, "text": "ä\r\n" }), json!({})];
        for message in &messages {
            write(&mut bytes, message).unwrap();
        }
        let found = all(&bytes);
        let wanted = messages.map(|message| Ok(Incoming::Message(message)));
        assert_eq!(found[..2], wanted);
        assert_eq!(found[2], Ok(Incoming::End));
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        let found = all(b"Content-Length: 3\r\n\r\n{]}\r\nContent-Type: x\r\ncontent-length: 2\r\n\r\n{}Content-Length: 2\r\n\r\n[]");
        assert!(matches!(&found[0], Ok(Incoming::Unreadable(why)) if why.contains("no JSON")), "{found:?}");
        assert_eq!(found[1], Ok(Incoming::Message(json!({}))));
        assert!(matches!(&found[2], Ok(Incoming::Unreadable(_))));
    }

    #[test]
    fn a_long_message_is_not_kept() {
        let length = MOST_BYTES + 1;
        let bytes = format!("Content-Length: {length}\r\n\r\n").into_bytes();
        let mut input =
            io::BufReader::new(bytes.chain(io::repeat(b' ').take(length)).chain(&b"Content-Length: 2\r\n\r\n{}"[..]));
        assert!(matches!(read(&mut input), Ok(Incoming::Unreadable(_))));
        assert_eq!(read(&mut input), Ok(Incoming::Message(json!({}))));
    }

    #[test]
    fn what_is_no_header_ends_it() {
        for bytes in ["hello\n", "\r\n\r\n", "a: b\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 1"] {
            assert!(all(bytes.as_bytes()).last().unwrap().is_err(), "{bytes:?}");
        }
        let endless = "x".repeat(100_000);
        assert!(all(endless.as_bytes())[0].is_err());
        assert!(all("a: b\r\n".repeat(100).as_bytes())[0].is_err());
        // A message that is cut off is the end.
        assert_eq!(all(b"Content-Length: 9\r\n\r\n{}"), [Ok(Incoming::End)]);
    }
}
