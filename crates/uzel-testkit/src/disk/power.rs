//! What a disk holds after a power cut: what was synced, and of the rest whatever chance leaves.
//!
//! A name is durable when its folder has been synced, and contents when the file has been. Names that were not go back in
//! order, as a file system's journal does; contents go in any order, in sectors of 512 bytes.

use std::{collections::BTreeMap, fs, path::Path};

use crate::dice::Dice;

const SECTOR: usize = 512;

/// Something that a process did to its files, or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A file was made.
    Create(String),
    /// Bytes were written at a place.
    Write(String, usize, Vec<u8>),
    /// A file was cut or made longer.
    Truncate(String, usize),
    /// A file or a folder was synced.
    Sync(String),
    /// A sync failed: what was written and not synced will never be.
    SyncFailed(String),
    /// A file got another name.
    Rename(String, String),
    /// A file got one more name.
    Link(String, String),
    /// A name went.
    Unlink(String),
    /// Something was said on standard output.
    Said(String),
}

/// Reads a trace.
pub fn trace(mut bytes: &[u8]) -> Vec<Op> {
    let mut ops = vec![];
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (op, number, length, path) = (part(), part(), part(), part());
        let (number, length) = (number.parse().unwrap_or(0), length.parse().unwrap_or(0_usize));
        let rest = &bytes[end + 1..];
        // A process that was killed leaves a part of its last line.
        let Some(data) = rest.get(..length) else { break };
        let text = || String::from_utf8_lossy(data).into_owned();
        ops.push(match op.as_str() {
            "C" => Op::Create(path),
            "W" => Op::Write(path, number, data.to_vec()),
            "T" => Op::Truncate(path, number),
            "S" => Op::Sync(path),
            "F" => Op::SyncFailed(path),
            "R" => Op::Rename(path, text()),
            "L" => Op::Link(path, text()),
            "U" => Op::Unlink(path),
            "M" => Op::Said(text()),
            other => panic!("a trace has no operation `{other}`"),
        });
        bytes = &rest[length..];
    }
    ops
}

/// What happens to what was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing of it is there.
    All,
    /// Each write is there or not.
    Writes,
    /// Each sector of each write is there or not.
    Sectors,
    /// All of it is there: the process was killed, the power stayed.
    Nothing,
}

/// A change of a file's contents.
#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Default)]
struct File {
    /// What is on the disk for certain.
    durable: Vec<u8>,
    /// What was done since.
    pending: Vec<Change>,
}

/// A disk with its files, and what has been done to them since they were synced.
#[derive(Clone, Default)]
pub struct Disk {
    files: Vec<File>,
    /// Names for certain, and which file each is.
    durable: BTreeMap<String, usize>,
    /// Names as the process sees them.
    names: BTreeMap<String, usize>,
    /// What the process saw after each change of names that is not durable.
    history: Vec<BTreeMap<String, usize>>,
}

impl Disk {
    /// A disk that holds these files for certain.
    pub fn holding(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut disk = Self::default();
        for (path, bytes) in files {
            disk.durable.insert(path, disk.files.len());
            disk.files.push(File { durable: bytes, pending: vec![] });
        }
        disk.names = disk.durable.clone();
        disk
    }

    /// Does what a process did.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(path) => {
                let file = self.files.len();
                self.files.push(File::default());
                self.rename(|names| {
                    names.insert(path.clone(), file);
                });
            }
            Op::Write(path, at, bytes) => self.change(path, Change::Write(*at, bytes.clone())),
            Op::Truncate(path, size) => self.change(path, Change::Truncate(*size)),
            Op::Sync(path) => match self.names.get(path) {
                Some(file) => {
                    let file = &mut self.files[*file];
                    for change in std::mem::take(&mut file.pending) {
                        change.apply(&mut file.durable);
                    }
                }
                // Folders have no contents of their own, and all names here are of one.
                None if self.is_folder(path) => {
                    self.durable = self.names.clone();
                    self.history.clear();
                }
                None => {}
            },
            Op::SyncFailed(path) => {
                if let Some(file) = self.names.get(path) {
                    self.files[*file].pending.clear();
                }
            }
            Op::Rename(from, to) => self.rename(|names| {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }),
            Op::Link(from, to) => self.rename(|names| {
                if let Some(file) = names.get(from).copied() {
                    names.insert(to.clone(), file);
                }
            }),
            Op::Unlink(path) => self.rename(|names| {
                names.remove(path);
            }),
            Op::Said(_) => {}
        }
    }

    fn is_folder(&self, path: &str) -> bool {
        self.names.keys().chain(self.durable.keys()).any(|name| Path::new(name).parent() == Some(Path::new(path)))
    }

    fn rename(&mut self, change: impl FnOnce(&mut BTreeMap<String, usize>)) {
        change(&mut self.names);
        self.history.push(self.names.clone());
    }

    fn change(&mut self, path: &str, change: Change) {
        if let Some(file) = self.names.get(path) {
            self.files[*file].pending.push(change);
        }
    }

    /// What is there after the power has gone, by name.
    pub fn after_power_cut(&self, loss: Loss, dice: &mut Dice) -> BTreeMap<String, Vec<u8>> {
        let kept = match loss {
            Loss::All => 0,
            Loss::Nothing => self.history.len() as u64,
            Loss::Writes | Loss::Sectors => dice.below(self.history.len() as u64 + 1),
        };
        let names = kept.checked_sub(1).map_or(&self.durable, |last| &self.history[last as usize]);
        let read = |file: &usize, dice: &mut Dice| {
            let mut bytes = self.files[*file].durable.clone();
            for change in &self.files[*file].pending {
                change.apply_some(&mut bytes, loss, dice);
            }
            bytes
        };
        names.iter().map(|(path, file)| (path.clone(), read(file, dice))).collect()
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, written) => {
                if bytes.len() < at + written.len() {
                    bytes.resize(at + written.len(), 0);
                }
                bytes[at..at + written.len()].copy_from_slice(&written);
            }
            Self::Truncate(size) => bytes.resize(size, 0),
        }
    }

    fn apply_some(&self, bytes: &mut Vec<u8>, loss: Loss, dice: &mut Dice) {
        match (loss, self) {
            (Loss::All, _) => {}
            (Loss::Nothing, change) => change.clone().apply(bytes),
            (Loss::Sectors, Self::Write(at, written)) => {
                // Sectors of the disk, not of the write.
                let mut from = 0;
                while from < written.len() {
                    let to = written.len().min(from + SECTOR - (at + from) % SECTOR);
                    if dice.below(2) == 0 {
                        Self::Write(at + from, written[from..to].to_vec()).apply(bytes);
                    }
                    from = to;
                }
            }
            (_, change) => {
                if dice.below(2) == 0 {
                    change.clone().apply(bytes);
                }
            }
        }
    }
}

/// Writes files, without those that only share memory between processes, from one folder's names into another folder.
///
/// # Panics
/// When they cannot be written.
pub fn lay_down(files: &BTreeMap<String, Vec<u8>>, from: &Path, to: &Path) {
    for (path, bytes) in files.iter().filter(|(path, _)| !path.ends_with("-shm")) {
        if let Ok(name) = Path::new(path).strip_prefix(from) {
            let path = to.join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder can be made");
            fs::write(path, bytes).expect("a file can be written");
        }
    }
}
