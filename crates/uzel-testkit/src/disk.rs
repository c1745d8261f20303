//! A disk that fails on demand, and power cuts: a library that is loaded into a process between it and the system, and
//! what a disk would hold if the power had gone at some moment. Used by tests of the store with real processes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

mod power;

pub use power::{Disk, Loss, Op, lay_down, trace};

/// Which operation on files fails.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The files: those below this folder.
    pub folder: PathBuf,
    /// The number of the operation, from 1.
    pub nth: u64,
    /// The system's error number, such as [`EIO`].
    pub errno: i32,
    /// Whether all that follow fail too.
    pub for_ever: bool,
    /// Only operations of this sort are counted: `open`, `write`, `truncate`, `sync`.
    pub only: Option<&'static str>,
}

/// The disk is broken.
pub const EIO: i32 = 5;
/// The disk is full.
pub const ENOSPC: i32 = 28;

/// What a process's disk does, and where that is written down.
pub struct Shim {
    dir: TempDir,
}

impl Shim {
    /// `None`, and a word on standard error, where there is no C compiler or the system loads libraries in another way.
    #[expect(clippy::print_stderr, reason = "a test that is not made says so")]
    pub fn new() -> Option<Self> {
        if library().is_none() {
            eprintln!("skipped: no library can be put between a process and its disk here");
            return None;
        }
        Some(Self { dir: TempDir::new().expect("a folder for notes") })
    }

    /// Puts the library into a command that has no faults yet.
    pub fn load<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("LD_PRELOAD", library().expect("a shim is made only where there is a library"))
    }

    /// Makes an operation of a command fail.
    pub fn fail(&self, command: &mut Command, fault: &Fault) {
        let how = if fault.for_ever { "ever" } else { "once" };
        let only = fault.only.map(|only| format!(":{only}")).unwrap_or_default();
        let _ = fs::remove_file(self.report_file());
        self.load(command)
            .env("DISK_FAILS", full(&fault.folder))
            .env("DISK_FAIL", format!("{}:{}:{how}{only}", fault.nth, fault.errno))
            .env("DISK_REPORT", self.report_file());
    }

    /// Writes down what a command does to files below a folder. Syncs of files whose names end with `lies` say that they
    /// were done, and are not; `*` is for all.
    pub fn trace(&self, command: &mut Command, folder: &Path, lies: Option<&str>) {
        let _ = fs::remove_file(self.trace_file());
        self.load(command).env("DISK_TRACED", full(folder)).env("DISK_TRACE", self.trace_file());
        if let Some(lies) = lies {
            command.env("DISK_LIES", lies);
        }
    }

    /// The operations that were made to fail, a line each; empty if the process did not get so far.
    pub fn report(&self) -> String {
        fs::read_to_string(self.report_file()).unwrap_or_default()
    }

    /// What was traced.
    pub fn traced(&self) -> Vec<Op> {
        trace(&fs::read(self.trace_file()).expect("the process wrote to files"))
    }

    fn report_file(&self) -> PathBuf {
        self.dir.path().join("report")
    }

    fn trace_file(&self) -> PathBuf {
        self.dir.path().join("trace")
    }
}

/// The path as a process sees it that looks up where it is.
fn full(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The library, made once for a process of tests.
fn library() -> Option<&'static Path> {
    static MADE: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    let make = || {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let dir = TempDir::new().ok()?;
        let (source, made) = (dir.path().join("shim.c"), dir.path().join("shim.so"));
        fs::write(&source, include_str!("disk/shim.c")).ok()?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&made).arg(&source).arg("-ldl");
        let fine = compiler.status().is_ok_and(|status| status.success());
        fine.then_some((dir, made))
    };
    MADE.get_or_init(make).as_ref().map(|(_, made)| made.as_path())
}

/// The files of a folder, by their names in it.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a file of ours"))
        })
        .collect()
}
