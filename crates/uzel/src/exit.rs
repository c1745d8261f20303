//! How the program ends: error kinds to headings, causes, hints and exit codes. Every command's errors end here.

use std::{
    panic::PanicHookInfo,
    process::{ExitCode, Termination},
};

use uzel_core::{diagnostic::Code, store};
use uzel_runtime::{engine, store::sqlite::backup::Refused};

/// How a command ended; the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for was done.
    Fine = 0,
    /// The run or the check failed.
    Failed = 1,
    /// The command was not understood, or names something that does not exist.
    Usage = 2,
    /// The surroundings do not allow it: store, key, network, disk.
    Environment = 3,
    /// Somebody pressed Ctrl-C.
    Interrupted = 130,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Error {
    /// The exit code.
    pub(crate) exit: Exit,
    /// For `uzel explain`.
    pub(crate) code: Option<Code>,
    /// One sentence; empty when everything has been said.
    pub(crate) heading: String,
    /// What led to it, or its parts.
    pub(crate) causes: Vec<String>,
    /// What to do.
    pub(crate) hints: Vec<String>,
}

impl Error {
    pub(crate) fn new(exit: Exit, heading: impl Into<String>) -> Self {
        Self { exit, code: None, heading: heading.into(), causes: vec![], hints: vec![] }
    }

    /// The command line is wrong.
    pub(crate) fn usage(heading: impl Into<String>) -> Self {
        Self::new(Exit::Usage, heading)
    }

    /// The surroundings are.
    pub(crate) fn environment(heading: impl Into<String>) -> Self {
        Self::new(Exit::Environment, heading)
    }

    /// Everything has been said already.
    pub(crate) fn said(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    pub(crate) fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let failed = |error: store::Error| Self::environment(error.to_string()).code(Code::STORE_FAILED);
        match error {
            store::Error::InUse { .. } => Self::environment(error.to_string()).code(Code::STORE_IN_USE).hint(
                "wait until it ends, or give this one its own store with `--store DIR`; \
                 `runs`, `show` and `inbox` work meanwhile",
            ),
            store::Error::Newer { .. } => {
                failed(error).hint("use the newer program, or another store with `--store DIR`")
            }
            store::Error::Corrupt { .. } | store::Error::Damaged { .. } => Self::environment(error.to_string())
                .code(Code::STORE_DAMAGED)
                .hint("`uzel store check` says what else is damaged; `uzel store restore FILE` brings a backup back"),
            store::Error::UnknownRun(_) => Self::usage(error.to_string()).code(Code::RUN_UNKNOWN),
            error => failed(error),
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let words = refused.to_string();
        match refused {
            Refused::Store(error) => error.into(),
            Refused::Occupied { replaceable, .. } => {
                let hint =
                    if replaceable { "give another place, or `--replace` to replace it" } else { "give another place" };
                Self::usage(words).code(Code::STORE_OCCUPIED).hint(hint)
            }
            Refused::Damaged { problems, .. } => {
                let mut error = Self::new(Exit::Failed, words).code(Code::BACKUP_DAMAGED);
                error.causes =
                    problems.iter().take(20).map(|problem| format!("{}: {}", problem.what, problem.cause)).collect();
                if problems.len() > error.causes.len() {
                    error.causes.push(format!("and {} more", problems.len() - error.causes.len()));
                }
                error.hint("nothing was changed; use another backup, or see `uzel store check`")
            }
            Refused::Disk { .. } => {
                Self::environment(words).hint("nothing was changed; correct what the message names")
            }
        }
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        let words = error.to_string();
        match error {
            engine::Error::Store(error) => error.into(),
            engine::Error::BadInput(causes) => {
                Self { causes, ..Self::usage("the input does not fit").code(Code::BAD_INPUT) }
            }
            engine::Error::BadFlags(causes) => {
                Self { causes, ..Self::usage("the flags do not fit").code(Code::BAD_INPUT) }
            }
            engine::Error::BadAnswer(causes) => {
                Self { causes, ..Self::usage("the answer does not fit the question").code(Code::BAD_ANSWER) }
            }
            engine::Error::UnknownRun { near, .. } => {
                let hint = suggestion(&near, "`uzel runs` lists the runs of a store");
                Self::usage(words).code(Code::RUN_UNKNOWN).hint(hint)
            }
            engine::Error::UnknownTask { near, .. } => {
                let hint = suggestion(&near, "`uzel inbox` lists the open questions of a store");
                Self::usage(words).hint(hint)
            }
            engine::Error::TaskClosed { .. } => Self::new(Exit::Failed, words).code(Code::TASK_ANSWERED),
            engine::Error::TaskChanged { .. } => {
                Self::new(Exit::Failed, words).hint("`uzel inbox` shows it as it is now")
            }
            engine::Error::UnknownCallback { .. } => {
                Self::usage(words).hint("`uzel callback` lists the calls that are waited for")
            }
            engine::Error::CallbackClosed { name, .. } => Self::new(Exit::Failed, words).hint(format!(
                "`uzel resume {0}` goes on if its run has not ended; `uzel show {0}` shows what happened",
                engine::Engine::run_of_callback(&name)
            )),
            engine::Error::BadPayload(causes) => Self {
                causes,
                ..Self::usage("what was sent does not fit").hint("`uzel callback` shows what is wanted")
            },
            engine::Error::Release(_) => Self::environment(words)
                .hint("runs are pinned to the app as it was; start a new run of the app as it is"),
            engine::Error::Ended { run, .. } => {
                Self::new(Exit::Failed, words).hint(format!("`uzel show {run}` shows what happened"))
            }
        }
    }
}

/// "did you mean …?", or where to look.
fn suggestion(near: &[String], otherwise: &str) -> String {
    if near.is_empty() {
        return otherwise.to_owned();
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("did you mean {}?", quoted.join(" or "))
}

/// Makes a panic, which is always our fault, ask for a report. The exit code is then 101.
pub(crate) fn report_bugs() {
    std::panic::set_hook(Box::new(|info| {
        // Nothing can be done about a standard error that is closed.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), bug(info).as_bytes());
    }));
}

fn bug(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
    format!(
        "bug: {message}{place}\n  This is a mistake in uzel {}, not in your app. Please report it with the command and \
         these lines.\n  What was recorded before is safe: type the same command again to go on.\n",
        env!("CARGO_PKG_VERSION"),
    )
}
