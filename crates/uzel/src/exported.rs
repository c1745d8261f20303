//! A run in a file of its own: how it is written, read and checked. Used by `uzel export` and `uzel replay`.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uzel_core::{
    diagnostic::Code,
    event::{Event, ReleaseId, RunId, Time},
    hash,
    store::{Release, Status},
};

use crate::{
    exit::{Error, Exit},
    project::read_file,
};

/// What the file says it is.
const FORMAT: &str = "uzel export";
/// The one version so far.
const VERSION: u64 = 1;
/// More bytes are not read.
const MOST: u64 = 256 * 1024 * 1024;

/// A run with all that is needed to read it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exported {
    /// Its id.
    pub(crate) run: RunId,
    /// Where it stood.
    pub(crate) status: Status,
    /// Whether texts were taken out.
    pub(crate) redacted: bool,
    release: Files,
    /// All that happened, with large values.
    pub(crate) events: Vec<Event>,
}

/// A release as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Files {
    id: ReleaseId,
    app: String,
    main: String,
    models: BTreeMap<String, String>,
    overlays: Vec<String>,
    files: BTreeMap<String, Content>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Text(String),
    Hex(String),
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Hex(hex) => {
                let pairs = hex.as_bytes().chunks(2);
                pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
            }
        }
    }
}

impl Exported {
    pub(crate) fn new(run: RunId, status: Status, redacted: bool, release: &Release, events: Vec<Event>) -> Self {
        let files = Files {
            id: release.id.clone(),
            app: release.app.clone(),
            main: release.main.clone(),
            models: release.models.clone(),
            overlays: release.overlays.clone(),
            files: release.files.iter().map(|(name, bytes)| (name.clone(), Content::of(bytes))).collect(),
        };
        Self { run, status, redacted, release: files, events }
    }

    /// The file's text.
    pub(crate) fn text(&self) -> Result<String, Error> {
        let run = serde_json::to_value(self)
            .map_err(|error| Error::environment("the run cannot be written as JSON").cause(error.to_string()))?;
        let sha256 = hash::of_json(&run);
        Ok(json!({ "format": FORMAT, "version": VERSION, "sha256": sha256, "export": run }).to_string())
    }

    /// Reads a file, and its app's release.
    pub(crate) fn read(path: &Path) -> Result<(Self, Release), Error> {
        let shown = path.display();
        let bad = |why: &str| {
            Error::new(Exit::Usage, format!("`{shown}` cannot be read: {why}")).code(Code::EXPORT_UNREADABLE)
        };
        let bytes = read_file(path, MOST + 1).map_err(|why| bad(&why))?;
        if bytes.len() as u64 > MOST {
            return Err(bad(&format!("it has more than {MOST} bytes")));
        }
        let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            if error.is_eof() {
                bad("it ends in the middle").hint("export the run again; the file was not written to its end")
            } else {
                bad("it is no JSON").cause(error.to_string())
            }
        })?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(bad("it is no exported run").hint("`uzel export RUN > FILE` writes one"));
        }
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => {
                let why = format!("it has version {newer}; this program knows {VERSION}");
                return Err(bad(&why).hint("use the newer program"));
            }
            _ => return Err(bad("its version is missing")),
        }
        let said = value.get("sha256").and_then(Value::as_str).unwrap_or_default().to_owned();
        let run = value.get_mut("export").map(Value::take).unwrap_or_default();
        if hash::of_json(&run) != said {
            return Err(
                bad("its content is not what its checksum says").hint("it was changed or damaged: export it again")
            );
        }
        let mut exported: Self =
            serde_json::from_value(run).map_err(|error| bad("a part of it is missing").cause(error.to_string()))?;
        let files = std::mem::take(&mut exported.release.files);
        let mut release = Release {
            id: exported.release.id.clone(),
            app: exported.release.app.clone(),
            path: exported.release.main.clone(),
            files: BTreeMap::new(),
            main: exported.release.main.clone(),
            models: exported.release.models.clone(),
            overlays: exported.release.overlays.clone(),
            created: Time::default(),
        };
        for (name, content) in files {
            let bytes = content.bytes().ok_or_else(|| bad(&format!("its file `{name}` is no hexadecimal")))?;
            release.files.insert(name, bytes);
        }
        Ok((exported, release))
    }
}
