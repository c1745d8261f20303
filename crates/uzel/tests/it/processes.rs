//! Two processes on one store, interrupts and kills: against a model server that never answers.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

use crate::scratch::{DESK, Scratch};

/// A server that takes connections and says nothing, and an app that asks it.
fn silent() -> (Scratch, TcpListener) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let model = format!(
        "{{ use: openai-compatible/any, base_url: \"http://{}/v1\", timeout: 60s }}",
        server.local_addr().unwrap()
    );
    (Scratch::new(&[("app.yaml", &DESK.replace("{ use: offline }", &model))]), server)
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
#[cfg(unix)]
fn the_second_process_says_who_has_the_store() {
    let (scratch, server) = silent();
    let server = std::sync::Arc::new(server);
    let mut child = scratch.spawn(&["run", "--id", "first", "-i", "message=hi"]);
    // Held open: a closed connection would be tried again, and then fail.
    let held = server.accept().unwrap();
    let second = scratch.output(&["run", "--id", "second", "-i", "message=hi"]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(3), "{said}");
    assert!(said.contains("error[UZ6003]") && said.contains(&format!("process {} (uzel run", child.id())), "{said}");
    // Reading works meanwhile.
    assert!(scratch.fine(&["runs"]).contains("first"));
    assert!(scratch.fine(&["show", "first"]).contains("running"));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(held);
    assert!(scratch.fine(&["runs", "--status", "running"]).contains("first"), "the log knows that it did not end");
    assert_eq!(scratch.output(&["cancel", "first"]).status.code(), Some(0), "the lock went with the process");
}

#[test]
#[cfg(unix)]
fn an_interrupt_leaves_a_run_to_be_taken_up() {
    let (scratch, server) = silent();
    let child = scratch.spawn(&["run", "--id", "r-1", "-i", "message=hi"]);
    let held = server.accept().unwrap();
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("resume r-1` goes on where it was"), "{said}");
    drop(held);
    // With another process the run goes on: it asks the server again.
    let child = scratch.spawn(&["resume", "r-1"]);
    let held = server.accept().unwrap();
    signal(&child, "-TERM");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    drop(held);
}

#[test]
#[cfg(unix)]
fn a_batch_stops_taking_lines_and_then_leaves() {
    let (scratch, server) = silent();
    scratch.write("in.jsonl", "{\"message\": \"a\"}\n{\"message\": \"b\"}\n");
    let mut child = scratch.spawn(&["run", "--inputs", "in.jsonl", "--parallel", "1"]);
    let held = server.accept().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    signal(&child, "-INT");
    assert!(lines.any(|line| line.contains("1 run going on will be finished first")));
    signal(&child, "-INT");
    assert!(lines.any(|line| line.contains("2 lines left; type the same command again to go on")));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(held);
}

/// Four processes begin the same batch at the same time: one of them has the store, the others say so, and nothing is
/// done twice.
#[test]
fn processes_that_want_the_same_store() {
    let app = DESK.replace("fast: { use: offline }", "fast: { use: offline }, slow: { use: offline }");
    let scratch = Scratch::new(&[("app.yaml", &app)]);
    let lines: String =
        (0..12).map(|n| format!("{{\"message\": \"number {n}\", \"urgent\": {}}}\n", n % 3 == 0)).collect();
    scratch.write("in.jsonl", lines);
    let batch = ["run", "--inputs", "in.jsonl", "--batch", "b", "--parallel", "3"];
    let (mut fine, mut refused) = (0, 0);
    for _ in 0..5 {
        let all: Vec<Child> = (0..4).map(|_| scratch.spawn(&batch)).collect();
        for child in all {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => fine += 1,
                Some(3) if said.contains("error[UZ6003]") => refused += 1,
                code => panic!("{code:?}: {said}"),
            }
        }
        scratch.fine(&["store", "check"]);
    }
    assert!(fine >= 5 && fine + refused == 20, "{fine} had the store, {refused} did not");
    assert_eq!(scratch.fine(&["runs", "--limit", "0"]).lines().count(), 13, "twelve lines are twelve runs");
    assert_eq!(scratch.fine(&["inbox", "--json"]).lines().filter(|line| line.contains("\"id\"")).count(), 4);
}

/// Killed while a letter is being sent: the next process asks a person, and sends nothing.
#[test]
#[cfg(unix)]
fn a_letter_in_doubt_is_a_question_for_a_person() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let app = format!(
        r#"version: 1
name: letters
tools:
  mail:
    use: http
    request: POST http://{}/send
    timeout: 60s
    params: {{ to: string }}
    output: {{ id: string }}
nodes:
  ok: {{ kind: human, title: Write?, actions: [submit], timeout: 1ms, on_timeout: submit }}
  send: {{ kind: tool, tool: mail, needs: [ok], with: {{ to: ann }} }}
output: {{ id: "${{{{ send.id }}}}" }}
"#,
        server.local_addr().unwrap()
    );
    let scratch = Scratch::new(&[("app.yaml", &app)]);
    assert_eq!(scratch.output(&["run", "--id", "r-1"]).status.code(), Some(0));
    let mut child = scratch.spawn(&["resume", "r-1"]);
    let held = server.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(held);
    server.set_nonblocking(true).unwrap();
    for _ in 0..2 {
        assert_eq!(scratch.output(&["resume", "r-1"]).status.code(), Some(0));
        let inbox = scratch.fine(&["inbox"]);
        assert!(inbox.contains("Was `send/tool` done?") && inbox.contains("actions: done, not_done"), "{inbox}");
    }
    let without = scratch.output(&["answer", "r-1/send", "done"]);
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(said.contains("UZ6004") && said.contains("result"), "{said}");
    let output = scratch.fine(&["answer", "r-1/send", "done", "--form", r#"result={"id": "m-17"}"#]);
    assert!(output.contains("m-17"), "{output}");
    assert_eq!(server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nothing was sent again");
}
