//! A server that answers as OpenAI's would, at once and always the same. It runs in a process of its own, so that what it
//! uses is not counted.

use std::{error::Error, io};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Listens on a free port of loopback, prints it, and serves until the process is ended.
#[expect(clippy::print_stdout, reason = "who started it reads the port")]
pub async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let (choice, text) = (answer(r#"{"category":"billing"}"#), answer(TEXT));
    let mut open = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let (choice, text) = (choice.clone(), text.clone());
        open.spawn(async move {
            // A client that goes away is how a measurement ends.
            let _ = talk(stream, &choice, &text).await;
        });
        while open.try_join_next().is_some() {}
    }
}

const TEXT: &str = "The customer was charged twice for one invoice after an update of the device, cannot log in, and asks \
                    when the money comes back. The device was restarted and the password reset.";

fn answer(content: &str) -> Vec<u8> {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "mock",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": content } }],
        "usage": { "prompt_tokens": 90, "completion_tokens": 40, "total_tokens": 130 },
    })
    .to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body.into_bytes()].concat()
}

async fn talk(mut stream: TcpStream, choice: &[u8], text: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut seen: Vec<u8> = Vec::with_capacity(8192);
    loop {
        while let Some(whole) = request(&seen) {
            let asks_choice = find(&seen[..whole], b"\"json_schema\"").is_some();
            stream.write_all(if asks_choice { choice } else { text }).await?;
            seen.drain(..whole);
        }
        if stream.read_buf(&mut seen).await? == 0 {
            return Ok(());
        }
    }
}

/// The length of the first request, if all of it has arrived.
fn request(seen: &[u8]) -> Option<usize> {
    let head = find(seen, b"\r\n\r\n")? + 4;
    let words = String::from_utf8_lossy(&seen[..head]).to_ascii_lowercase();
    let length = words.lines().find_map(|line| line.strip_prefix("content-length:"));
    let whole = head + length.and_then(|length| length.trim().parse::<usize>().ok()).unwrap_or(0);
    (seen.len() >= whole).then_some(whole)
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}
