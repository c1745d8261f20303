//! A server in a process of its own, and requests to it, byte by byte: nothing between the test and the socket.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::scratch::Scratch;

/// A server over a scratch folder; it ends with the test.
pub(crate) struct Serving {
    scratch: Scratch,
    arguments: Vec<String>,
    child: Option<Child>,
    port: u16,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A server-sent event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Serving {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::of(files, &[])
    }

    /// A server of an app, with these arguments.
    pub(crate) fn of(files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { scratch: Scratch::new(files), arguments, child: None, port: 0 };
        server.start();
        server
    }

    pub(crate) fn start(&mut self) {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        let mut command = self.scratch.command(&arguments);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        self.port = loop {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the server did not start: {all}");
            all += &line;
            if let Some((_, port)) = line.trim().rsplit_once("http://127.0.0.1:") {
                break port.parse().unwrap();
            }
        };
        self.child = Some(child);
        // What it says later is not waited for, and must not block it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to end; gives its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        child.wait().unwrap().code()
    }

    fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: 127.0.0.1:{}\r\n", self.port);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        // A server that refuses a body early may close before it has taken all of it.
        let _ = stream.write_all(body);
        BufReader::new(stream)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Said {
        let mut stream = self.open(method, path, headers, body);
        let (status, headers) = head(&mut stream);
        let mut raw = vec![];
        // What came before the connection was cut counts.
        let _ = stream.read_to_end(&mut raw);
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if is_chunked { unchunked(&mut &raw[..]) } else { raw };
        Said { status, headers, body }
    }

    pub(crate) fn get(&self, path: &str) -> Said {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Said {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Follows a stream until this event, or until it ends.
    pub(crate) fn events(&self, path: &str, after: Option<&str>, last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let headers: Vec<_> = after.iter().map(|id| ("last-event-id", *id)).collect();
        let mut stream = self.open("GET", path, &headers, b"");
        assert_eq!(head(&mut stream).0, 200);
        let (mut text, mut found) = (String::new(), vec![]);
        while let Some(piece) = chunk(&mut stream) {
            text += std::str::from_utf8(&piece).unwrap();
            while let Some(end) = text.find("\n\n") {
                found.extend(events(&text[..end + 2]));
                text.drain(..end + 2);
                if found.last().is_some_and(&last) {
                    return found;
                }
            }
        }
        found
    }

    /// The run once it has ended.
    pub(crate) fn until_ended(&self, run: &str) -> Value {
        self.events(&format!("/v1/runs/{run}/events"), None, |_| false);
        self.get(&format!("/v1/runs/{run}")).json()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

fn head(stream: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
    let mut headers = vec![];
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        match line.trim().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => return (status, headers),
        }
    }
}

/// The next piece of a chunked body.
fn chunk(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let length = usize::from_str_radix(line.trim(), 16).ok().filter(|length| *length > 0)?;
    let mut piece = vec![0; length + 2];
    stream.read_exact(&mut piece).ok()?;
    piece.truncate(length);
    Some(piece)
}

fn unchunked(stream: &mut impl BufRead) -> Vec<u8> {
    std::iter::from_fn(|| chunk(stream)).flatten().collect()
}

/// The events of a stream's text.
pub(crate) fn events(text: &str) -> Vec<Event> {
    let parts = text.split("\n\n").filter(|part| part.contains("data: "));
    let field = |part: &str, name: &str| {
        part.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    parts
        .map(|part| Event {
            name: field(part, "event").unwrap_or_default(),
            id: field(part, "id"),
            data: field(part, "data").unwrap_or_default(),
        })
        .collect()
}
