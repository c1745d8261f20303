//! Who answers: messages in, messages out, and what has to come before what.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    answers::Answers,
    diagnostics::{self, Shown},
    protocol::{AtPosition, Changed, ErrorCode, OfDocument, Opened, OpenedDocument, Refusal},
    refusal,
    text::{Encoding, Lines},
    transport, uri,
    workspace::{Open, Workspace},
};

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client has not said who it is.
    New,
    Going,
    /// It said that it will leave.
    Over,
}

pub(super) struct Server {
    output: Box<dyn Write>,
    stage: Stage,
    shown: Shown,
    /// Whether the client tells about files on disk when asked to.
    watches: bool,
    workspace: Workspace,
}

impl Server {
    pub(super) fn new(output: Box<dyn Write>) -> Self {
        Self { output, stage: Stage::New, shown: Shown::default(), watches: false, workspace: Workspace::new() }
    }

    /// Whether the client said goodbye.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// After a mistake of ours: what was derived is thrown away.
    pub(super) fn forget(&mut self) {
        for app in self.workspace.apps.values_mut() {
            app.known = None;
            app.dirty = false;
        }
    }

    pub(super) fn refuse(&mut self, id: &Value, code: ErrorCode, message: &str) -> io::Result<()> {
        self.send(&refusal(id, &Refusal::new(code, message)))
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        transport::write(&mut self.output, message)
    }

    /// Checks what has changed and tells the client.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        for main in self.workspace.dirty() {
            for params in diagnostics::publish(&mut self.workspace, &main, self.shown) {
                let method = "textDocument/publishDiagnostics";
                self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))?;
            }
        }
        Ok(())
    }

    pub(super) fn handle(&mut self, message: &Value) -> io::Result<()> {
        // A response to something we asked says nothing that is needed.
        let Some(method) = message.get("method") else {
            return match (message.get("id"), message.get("result").or(message.get("error"))) {
                (Some(id), None) => self.refuse(&id.clone(), ErrorCode::InvalidRequest, "there is no `method`"),
                _ => Ok(()),
            };
        };
        let method = method.as_str().unwrap_or_default();
        let params = message.get("params").unwrap_or(&Value::Null);
        match message.get("id") {
            None => self.notification(method, params),
            Some(id) => {
                let answer = self.request(method, params)?;
                let answer = match answer {
                    Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
                    Err(why) => refusal(id, &why),
                };
                self.send(&answer)
            }
        }
    }

    fn notification(&mut self, method: &str, params: &Value) -> io::Result<()> {
        if self.stage != Stage::Going {
            return Ok(());
        }
        match method {
            "initialized" if self.watches => self.watch(),
            "textDocument/didOpen" => {
                if let Some((document, path)) =
                    read::<Opened>(params).ok().and_then(|opened| with_path(opened.document.uri.clone(), opened))
                {
                    let OpenedDocument { uri, text, version } = document.document;
                    self.workspace.put(&path, Open { uri, text, version });
                }
                Ok(())
            }
            "textDocument/didChange" => {
                if let Some((changed, path)) =
                    read::<Changed>(params).ok().and_then(|changed| with_path(changed.document.uri.clone(), changed))
                {
                    self.change(&path, changed);
                }
                Ok(())
            }
            "textDocument/didClose" => {
                if let Some(path) =
                    read::<OfDocument>(params).ok().and_then(|closed| uri::to_path(&closed.document.uri))
                {
                    self.workspace.close(&path);
                }
                Ok(())
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.workspace.touch_all();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Edits, each on what the one before it left.
    fn change(&mut self, path: &std::path::Path, changed: Changed) {
        let Some(open) = self.workspace.open.get(path) else { return };
        let (uri, mut text) = (open.uri.clone(), open.text.clone());
        let version = changed.document.version.unwrap_or(open.version);
        for change in changed.changes {
            match change.range {
                None => text = change.text,
                Some(stretch) => {
                    let range = Lines::new(&text, self.shown.encoding).range(stretch);
                    text.replace_range(range, &change.text);
                }
            }
        }
        self.workspace.put(path, Open { uri, text, version });
    }

    fn watch(&mut self) -> io::Result<()> {
        let watcher = json!({ "globPattern": "**/*.{yaml,yml,md,txt,j2,jinja,prompt,js,sql,json,jsonl}" });
        let registration = json!({
            "id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": { "watchers": [watcher] },
        });
        let params = json!({ "registrations": [registration] });
        self.send(
            &json!({ "jsonrpc": "2.0", "id": "uzel-files", "method": "client/registerCapability", "params": params }),
        )
    }

    fn request(&mut self, method: &str, params: &Value) -> io::Result<Result<Value, Refusal>> {
        let refuse = |code, message: &str| Ok(Err(Refusal::new(code, message)));
        match (self.stage, method) {
            (Stage::New, "initialize") => {
                self.stage = Stage::Going;
                return Ok(Ok(self.initialize(params)));
            }
            (Stage::New, _) => return refuse(ErrorCode::NotInitialized, "`initialize` comes first"),
            (Stage::Over, _) => return refuse(ErrorCode::InvalidRequest, "after `shutdown` only `exit` comes"),
            (Stage::Going, "initialize") => return refuse(ErrorCode::InvalidRequest, "`initialize` comes once"),
            (Stage::Going, "shutdown") => {
                self.stage = Stage::Over;
                return Ok(Ok(Value::Null));
            }
            (Stage::Going, _) => {}
        }
        // Who asks is answered about the last letter that was typed.
        self.settle()?;
        Ok(self.answer(method, params))
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, Refusal> {
        let answers = Answers { workspace: &self.workspace, encoding: self.shown.encoding };
        let at = || -> Result<(AtPosition, PathBuf), Refusal> {
            let at: AtPosition = read(params)?;
            // A document that is no file belongs to no app.
            let path = uri::to_path(&at.document.uri).unwrap_or_default();
            Ok((at, path))
        };
        Ok(match method {
            "textDocument/hover" => at().map(|(at, path)| json!(answers.hover(&path, at.position)))?,
            "textDocument/definition" => at().map(|(at, path)| json!(answers.definition(&path, at.position)))?,
            "textDocument/references" => {
                at().map(|(at, path)| json!(answers.references(&path, at.position, at.context.declaration)))?
            }
            "textDocument/documentHighlight" => at().map(|(at, path)| json!(answers.highlights(&path, at.position)))?,
            "textDocument/completion" => at().map(|(at, path)| answers.completion(&path, at.position))?,
            "textDocument/prepareRename" => {
                let (at, path) = at()?;
                answers.prepare_rename(&path, at.position)?
            }
            "textDocument/rename" => {
                let (at, path) = at()?;
                answers.rename(&path, at.position, &at.new_name)?
            }
            "textDocument/documentSymbol" => {
                let of: OfDocument = read(params)?;
                json!(answers.symbols(&uri::to_path(&of.document.uri).unwrap_or_default()))
            }
            "textDocument/formatting" => {
                let of: OfDocument = read(params)?;
                json!(answers.formatting(&uri::to_path(&of.document.uri).unwrap_or_default()))
            }
            _ => return Err(Refusal::new(ErrorCode::UnknownMethod, format!("there is no method `{method}` here"))),
        })
    }

    fn initialize(&mut self, params: &Value) -> Value {
        let can = |pointer: &str| params.pointer(&format!("/capabilities/{pointer}"));
        let yes = |pointer: &str| can(pointer).and_then(Value::as_bool).unwrap_or(false);
        let utf8 =
            can("general/positionEncodings").and_then(Value::as_array).is_some_and(|all| all.contains(&"utf-8".into()));
        self.shown = Shown {
            encoding: if utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
            related: yes("textDocument/publishDiagnostics/relatedInformation"),
        };
        self.watches = yes("workspace/didChangeWatchedFiles/dynamicRegistration");
        json!({
            "capabilities": {
                "positionEncoding": if utf8 { "utf-8" } else { "utf-16" },
                // Edits come as edits, not as whole texts.
                "textDocumentSync": { "openClose": true, "change": 2, "save": true },
                "hoverProvider": true,
                "definitionProvider": true,
                "referencesProvider": true,
                "documentHighlightProvider": true,
                "documentSymbolProvider": true,
                "documentFormattingProvider": true,
                "completionProvider": { "triggerCharacters": [".", "{", "[", " ", "|", "\""] },
                "renameProvider": { "prepareProvider": true },
            },
            "serverInfo": { "name": "uzel", "version": env!("CARGO_PKG_VERSION") },
        })
    }
}

fn read<T: DeserializeOwned>(params: &Value) -> Result<T, Refusal> {
    T::deserialize(params)
        .map_err(|error| Refusal::new(ErrorCode::InvalidParams, format!("the parameters do not fit: {error}")))
}

fn with_path<T>(uri: String, params: T) -> Option<(T, PathBuf)> {
    uri::to_path(&uri).map(|path| (params, path))
}
