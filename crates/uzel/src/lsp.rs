//! The language server: what an editor asks about apps, over standard input and output. Called by the `lsp` command.
//!
//! One thread does everything but reading. Changes are taken as they come and checked when nothing else waits, so that a
//! fast typist is answered about the last letter. Messages are plain JSON here: the crates for them bring second versions
//! of what is in the tree, and none limits how long a message may be.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
    thread,
};

use serde_json::{Value, json};
use uzel_core::diagnostic::Code;

use crate::exit::{Error, Exit};

mod answers;
mod diagnostics;
mod protocol;
mod server;
mod text;
mod transport;
mod uri;
mod workspace;

use protocol::{ErrorCode, Refusal};
use server::Server;
use transport::{Broken, Incoming};

/// Messages that wait to be looked at; a client that sends more waits.
const QUEUE: usize = 1_024;

/// Speaks with an editor until it says goodbye.
pub(crate) fn serve() -> Result<Exit, Error> {
    let (sender, incoming) = sync_channel(QUEUE);
    // It ends with the process: reading cannot be interrupted.
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let read = transport::read(&mut input);
            let last = matches!(read, Ok(Incoming::End) | Err(_));
            if sender.send(read).is_err() || last {
                return;
            }
        }
    });
    let mut server = Server::new(Box::new(io::stdout()));
    let ended = listen(&mut server, &incoming);
    match ended {
        // An editor that was closed does not read any more, and that is fine.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Fine),
        Err(error) => Err(Error::environment(format!("standard output cannot be written: {error}"))),
        Ok(Ended::Goodbye { politely: true }) => Ok(Exit::Fine),
        Ok(Ended::Goodbye { politely: false }) => Ok(Exit::Failed),
        Ok(Ended::Broken(why)) => {
            let heading = format!("standard input does not speak the language server protocol: {why}");
            Err(Error::usage(heading)
                .code(Code::PROTOCOL)
                .hint("an editor starts this command; the guide says how to set one up"))
        }
    }
}

/// Why a conversation is over.
enum Ended {
    /// The client asked for it, or went away.
    Goodbye { politely: bool },
    /// Nothing that comes can be understood any more.
    Broken(String),
}

fn listen(server: &mut Server, incoming: &Receiver<Result<Incoming, Broken>>) -> io::Result<Ended> {
    let mut queue: VecDeque<Value> = VecDeque::new();
    loop {
        let next = match queue.len() {
            0 => wait(server, incoming)?,
            // One that is in line may be taken back by one behind it.
            1..QUEUE => incoming.try_recv().ok(),
            _ => None,
        };
        match next {
            Some(Ok(Incoming::Message(message))) => take(server, &mut queue, message)?,
            Some(Ok(Incoming::Unreadable(why))) => server.refuse(&Value::Null, ErrorCode::Parse, &why)?,
            Some(Ok(Incoming::End)) => return Ok(Ended::Goodbye { politely: server.is_over() }),
            Some(Err(Broken(why))) => {
                server.refuse(&Value::Null, ErrorCode::Parse, &why)?;
                return Ok(Ended::Broken(why));
            }
            None => {
                let Some(message) = queue.pop_front() else { return Ok(Ended::Goodbye { politely: server.is_over() }) };
                if message.get("method").is_some_and(|method| method == "exit") {
                    return Ok(Ended::Goodbye { politely: server.is_over() });
                }
                guarded(server, &message)?;
            }
        }
    }
}

/// The next message. While none is there, what has changed is checked.
fn wait(
    server: &mut Server,
    incoming: &Receiver<Result<Incoming, Broken>>,
) -> io::Result<Option<Result<Incoming, Broken>>> {
    match incoming.try_recv() {
        Ok(message) => return Ok(Some(message)),
        Err(TryRecvError::Disconnected) => return Ok(None),
        Err(TryRecvError::Empty) => {}
    }
    let settled = catch_unwind(AssertUnwindSafe(|| server.settle()));
    settled.unwrap_or_else(|_| {
        server.forget();
        Ok(())
    })?;
    Ok(incoming.recv().ok())
}

/// Puts a message in line. One that takes back a request which is still in line takes it out.
fn take(server: &mut Server, queue: &mut VecDeque<Value>, message: Value) -> io::Result<()> {
    if message.get("method").is_none_or(|method| method != "$/cancelRequest") {
        queue.push_back(message);
        return Ok(());
    }
    let id = message.pointer("/params/id").cloned().unwrap_or_default();
    let waiting = queue.iter().position(|other| other.get("method").is_some() && other.get("id") == Some(&id));
    match waiting.and_then(|at| queue.remove(at)) {
        Some(_) if !id.is_null() => server.refuse(&id, ErrorCode::Cancelled, "it was taken back"),
        _ => Ok(()),
    }
}

/// A mistake of ours in one request must not take the editor's server away.
fn guarded(server: &mut Server, message: &Value) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(|| server.handle(message))).unwrap_or_else(|_| {
        server.forget();
        let id = message.get("id").cloned().unwrap_or_default();
        if id.is_null() { Ok(()) } else { server.refuse(&id, ErrorCode::Internal, "a mistake in uzel; see its output") }
    })
}

/// A response that says why not.
fn refusal(id: &Value, refusal: &Refusal) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": refusal.code as i32, "message": refusal.message } })
}
