//! Turns what goes wrong in JavaScript into failures that name file and line. Used by the JavaScript sandbox.

use rquickjs::{Ctx, Error, Value};
use uzel_core::failure::{Failure, FailureClass};

use super::Limits;

/// Longest message and longest stack in a failure, in characters.
const MAX_MESSAGE: usize = 2_000;
const MAX_STACK: usize = 1_500;

/// What went wrong, before it is looked at.
pub(super) enum Fault {
    /// Something in the engine, usually an exception that is still to be taken.
    Engine(Error),
    /// Something of ours, already a sentence.
    Other(FailureClass, String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl Fault {
    /// Takes the pending exception and makes a failure of it. `late`: the time limit was noticed.
    pub(super) fn into_failure(self, ctx: &Ctx<'_>, late: bool, limits: Limits) -> Failure {
        // First, for what was cut off may look like anything else.
        if late {
            let time = limits.time;
            return Failure::new(
                FailureClass::Limit,
                format!("the code took longer than {time:?}: do less, or raise its limit"),
            );
        }
        let error = match self {
            Self::Other(class, message) => return Failure::new(class, message),
            Self::Engine(error) => error,
        };
        let thrown = error.is_exception().then(|| ctx.catch());
        let Some(thrown) = thrown else {
            return match error {
                Error::Allocation => out_of_memory(limits),
                other => Failure::new(FailureClass::Code, cut(&other.to_string(), MAX_MESSAGE)),
            };
        };
        from_exception(&thrown, limits)
    }
}

fn from_exception(thrown: &Value<'_>, limits: Limits) -> Failure {
    // An exception for which there was no memory left is null.
    if thrown.is_null() {
        return out_of_memory(limits);
    }
    let Some(exception) = thrown.as_exception() else {
        let shown = thrown.as_string().and_then(|text| text.to_string().ok());
        let json = || thrown.ctx().json_stringify(thrown.clone()).ok().flatten().and_then(|json| json.to_string().ok());
        let message = shown.or_else(json).unwrap_or_else(|| "something that has no text".to_owned());
        return Failure::new(FailureClass::Code, cut(&format!("thrown: {message}"), MAX_MESSAGE));
    };
    let message = exception.message().unwrap_or_default();
    let name = exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "Error".to_owned());
    if name == "InternalError" && message == "out of memory" {
        return out_of_memory(limits);
    }
    if message == "Maximum call stack size exceeded" || message == "stack overflow" {
        let message = format!("the code calls itself too deeply: its stack is {} KB", limits.stack >> 10);
        return Failure::new(FailureClass::Limit, message);
    }
    let stack = exception.stack().unwrap_or_default();
    let frames: Vec<&str> = stack.lines().map(str::trim).filter(|line| !line.is_empty() && is_ours(line)).collect();
    let place = frames.iter().find_map(|frame| place(frame));
    let text = if message.is_empty() { name } else { format!("{name}: {message}") };
    let text = place.map_or(text.clone(), |place| format!("{place}: {text}"));
    let failure = Failure::new(FailureClass::Code, cut(&text, MAX_MESSAGE));
    if frames.is_empty() { failure } else { failure.because(cut(&frames.join("\n"), MAX_STACK)) }
}

/// Frames of the prelude and of native functions say nothing to the author.
fn is_ours(frame: &str) -> bool {
    !frame.contains("eval_script") && !frame.ends_with("(native)") && !frame.ends_with("native")
}

/// `file:line` of a frame `at name (file:line:column)`.
fn place(frame: &str) -> Option<&str> {
    let inner = frame.strip_prefix("at ")?;
    let inner = inner.rsplit_once('(').map_or(inner, |(_, place)| place.trim_end_matches(')'));
    let (place, column) = inner.rsplit_once(':')?;
    column.parse::<u32>().ok()?;
    place.rsplit_once(':')?.1.parse::<u32>().ok()?;
    Some(place)
}

fn out_of_memory(limits: Limits) -> Failure {
    let message =
        format!("the code needs more than {} MB of memory: keep less, or raise its limit", limits.memory >> 20);
    Failure::new(FailureClass::Limit, message)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
