//! `wait`: for a time, or for somebody outside to call back. A run that waits uses no memory.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::Build,
    capability::{Attempt, BoxFuture},
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    duration::{self, DurationText, LONGEST},
    event::{Resolution, Time, Wait as Waiting},
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Facts, Origin, Texts},
    },
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome},
    schema::{Schema, Type},
    yaml::{Data, Spanned, Text, Tree},
};

use crate::{code::calendar::Moment, local};

/// The kind.
pub struct Wait;

/// Waits: `for` a length of time, `until` a moment, or `for: callback`. A timer gives `at`, when it went off. A callback
/// gives `payload`, what was sent, `at`, and `timed_out`: whether `on_timeout` was taken because nobody called in time.
///
/// A timer goes off once, at or after its time, whatever happens to the process meanwhile. Whoever is to call back needs
/// the token, which `uzel callback` and `uzel show` list; the first call counts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long: `5m`, or `${{ }}` that gives such a text or a number of seconds. Or `callback`: until somebody calls
    /// back with the run's token.
    pub r#for: Option<Tree>,
    /// Until when: an expression such as `order.ships_at`, or `2026-03-01T09:00:00Z`. A text as RFC 3339 has it, or
    /// milliseconds since 1970. A moment that has passed is not waited for.
    pub until: Option<Tree>,
    /// What is sent with a callback: a type, such as `{ status: string }`. A call that does not fit is refused, and the
    /// run goes on waiting. Without it anything fits.
    pub payload: Option<Tree>,
    /// How long to wait for a callback. Without it the run waits as long as `limits.duration` allows.
    pub timeout: Option<Spanned<DurationText>>,
    /// The payload that is taken when nobody calls back in time. Without it the node fails then.
    pub on_timeout: Option<Tree>,
}

/// A time in milliseconds before this (March 1973) was meant in seconds.
const EARLIEST: f64 = 1e11;

impl Kind for Wait {
    const NAME: &'static str = "wait";
    const SUMMARY: &'static str = "waits for a time or a call from outside";
    const EXAMPLES: &'static [KindExample] = &[
        KindExample {
            title: "A reminder after three days",
            app: r#"
version: 1
inputs: { email: string }
tools:
  remind:
    use: http
    request: POST https://mail.example.com/reminders
    params: { to: string }
    effect: keyed
nodes:
  pause: { kind: wait, for: 3d }
  still_open: { kind: human, title: "Remind ${{ input.email }}?", needs: [pause], timeout: 1d }
  remind: { kind: tool, tool: remind, timeout: 10s, needs: [still_open], with: { to: "${{ input.email }}" } }
"#,
        },
        KindExample {
            title: "A payment provider calls back",
            app: r#"
version: 1
inputs: { order: string }
nodes:
  payment:
    kind: wait
    for: callback
    payload: { status: { enum: [paid, refused] }, reference: string | null }
    timeout: 2h
    on_timeout: { status: refused, reference: null }
output: { status: "${{ payment.payload.status }}", in_time: "${{ not payment.timed_out }}" }
"#,
        },
    ];
    const TAKES: &'static [&'static str] = &["timeout"];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        let payload = config.payload.as_ref().and_then(|payload| Schema::read(payload, cx.out));
        let mut later = None;
        match (&config.r#for, &config.until) {
            (None, None) => {
                let help = "write `for: 5m`, `until: order.ships_at` or `for: callback`";
                cx.report(Diagnostic::new(Code::MISSING_KEY, cx.place(), "a `wait` node needs `for` or `until`").help(help));
            }
            (Some(_), Some(until)) => {
                let message = "a node waits either `for` a time or `until` a moment";
                cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, until.span, message).help("remove one of them"));
            }
            (Some(wait), None) => check_for(wait, cx),
            (None, Some(until)) => later = check_until(until, cx),
        }
        if is_callback(config) {
            return check_callback(config, payload, cx);
        }
        let timeout = config.timeout.as_ref().map(|timeout| timeout.span);
        let only = [("payload", config.payload.as_ref()), ("on_timeout", config.on_timeout.as_ref())];
        let only = only.into_iter().filter_map(|(key, tree)| Some((key, tree?.span)));
        for (key, at) in only.chain(timeout.map(|at| ("timeout", at))) {
            let message = format!("`{key}` is for `for: callback`: a timer has no answer that could be late");
            cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, at, message).help(format!("remove `{key}`")));
        }
        let facts = Facts { texts: Texts::Own, ..Facts::default() };
        Ports { later, facts, ..Ports::of(Type::object([("at", Type::Integer)])) }
    }

    fn build(config: Config, _cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let payload = config.payload.as_ref().and_then(|payload| Schema::read(payload, &mut Diagnostics::default()));
        let way = if is_callback(&config) {
            Way::Callback { payload, timeout: config.timeout.map(|timeout| timeout.value.0) }
        } else if config.until.is_some() {
            Way::Until(config.until.as_ref().and_then(literal))
        } else {
            Way::For(config.r#for.as_ref().and_then(Tree::as_str).and_then(|text| duration::parse(text).ok()))
        };
        Ok(Arc::new(Waiter { way, has_default: config.on_timeout.is_some() }))
    }
}

fn is_callback(config: &Config) -> bool {
    config.r#for.as_ref().and_then(Tree::as_str) == Some("callback")
}

fn check_for(wait: &Tree, cx: &mut Check<'_>) {
    let help = "write a time such as `for: 5m`, `for: callback`, or `${{ }}` around an expression";
    match wait.as_str() {
        Some("callback") => {}
        Some(text) if text.contains("${{") => {
            let seconds_too = Type::union(Type::String, Type::Number);
            cx.binding("for", wait, Some((seconds_too, "a time such as `5m`, or a number of seconds")));
        }
        Some(text) => {
            if let Err(error) = duration::parse(text) {
                let help = did_you_mean(text, ["callback"]).unwrap_or_else(|| help.to_owned());
                cx.report(Diagnostic::new(Code::BAD_DURATION, wait.span, error.to_string()).help(help));
            }
        }
        None => {
            let message = match &wait.data {
                Data::Number(number) => format!("`for: {number}` has no unit; write `{number}s` or `{number}m`"),
                _ => format!("`for` must be a time, found {}", wait.describe()),
            };
            cx.report(Diagnostic::new(Code::BAD_DURATION, wait.span, message).help(help));
        }
    }
}

/// Registers the moment, unless it is written out.
fn check_until(until: &Tree, cx: &mut Check<'_>) -> Option<uzel_core::graph::Later> {
    let Some(text) = until.as_text() else {
        if literal(until).is_none() {
            let message = format!("`until` must be a moment, found {}", until.describe());
            let help = "write an expression such as `order.ships_at`, or a moment such as `2026-03-01T09:00:00Z`";
            cx.report(Diagnostic::new(Code::WRONG_SHAPE, until.span, message).help(help));
        }
        return None;
    };
    if is_date(text) {
        if let Err(cause) = Moment::parse(text.as_str()) {
            let help = "write it like `2026-03-01T09:00:00Z`, with the zone";
            cx.report(Diagnostic::new(Code::EXPRESSION_SYNTAX, until.span, cause).help(help));
        }
        return None;
    }
    cx.expression("until", text);
    let at = until.span;
    Some(Box::new(move |inputs, out| {
        let ty = inputs.get("until").map_or(Type::Any, Type::without_null);
        if !Type::union(Type::String, Type::Number).accepts(&ty) {
            let message = format!("this must be a moment, and is {ty}");
            let help = "a moment is a text such as \"2026-03-01T09:00:00Z\", or milliseconds since 1970";
            out.push(Diagnostic::new(Code::TYPE_MISMATCH, at, message).help(help));
        }
        None
    }))
}

/// A moment that is written out begins with a year; an expression that does would be a subtraction.
fn is_date(text: &Text) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

/// A moment that is written out.
fn literal(tree: &Tree) -> Option<Time> {
    match &tree.data {
        Data::Number(_) => moment(&tree.to_json()).ok(),
        Data::Text(text) if is_date(text) => moment(&Value::from(text.as_str())).ok(),
        _ => None,
    }
}

fn check_callback(config: &Config, payload: Option<Schema>, cx: &mut Check<'_>) -> Ports {
    let ty = payload.map_or(Type::Any, |payload| payload.ty);
    if let Some(value) = &config.on_timeout {
        let expect = if ty.is_any() { None } else { Some((ty.clone(), "the payload")) };
        cx.binding("on_timeout", value, expect);
        if config.timeout.is_none() {
            let message = "`on_timeout` without a `timeout` never happens";
            cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, value.span, message).help("add `timeout: 24h`"));
        }
    }
    if let Some(timeout) = config.timeout.as_ref().filter(|timeout| timeout.value.0.is_zero()) {
        let message = format!("`timeout: {}` leaves no time", timeout.value);
        cx.report(Diagnostic::new(Code::BAD_LIMIT, timeout.span, message).help("write a time above 0, such as `timeout: 24h`"));
    }
    let output = Type::object([("payload", ty), ("at", Type::Integer), ("timed_out", Type::Boolean)]);
    // Whoever calls back writes what is sent.
    let facts = Facts { origins: &[Origin::Tool], plain: &["at", "timed_out"], ..Facts::default() };
    Ports { facts, ..Ports::of(output) }
}

/// A moment that a document or an expression gives.
fn moment(value: &Value) -> Result<Time, String> {
    match value {
        Value::String(text) => Moment::parse(text).map(|moment| Time(moment.millis())),
        Value::Number(number) => {
            let millis = number.as_f64().unwrap_or(f64::NAN);
            if millis.is_nan() || millis.abs() > 1e15 {
                return Err(format!("{number} is no moment"));
            }
            if millis < EARLIEST {
                return Err(format!("{number} is a moment in 1970 if it counts milliseconds; multiply seconds by 1000"));
            }
            Ok(Time(millis as i64))
        }
        other => Err(format!("{other} is no moment")),
    }
}

/// A length of time that an expression gives.
fn length(value: &Value) -> Result<Duration, String> {
    let duration = match value {
        Value::String(text) => return duration::parse(text).map_err(|error| error.to_string()),
        Value::Number(seconds) => {
            let seconds = seconds.as_f64().unwrap_or(f64::NAN);
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("{seconds} is no number of seconds to wait"))?
        }
        other => return Err(format!("{other} is no time to wait")),
    };
    if duration > LONGEST { Err("it is longer than 3650d".to_owned()) } else { Ok(duration) }
}

/// What is waited for; a time that is not written out is computed.
enum Way {
    For(Option<Duration>),
    Until(Option<Time>),
    Callback { payload: Option<Schema>, timeout: Option<Duration> },
}

struct Waiter {
    way: Way,
    has_default: bool,
}

impl Node for Waiter {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            match (&self.way, &call.resolution) {
                (Way::Callback { payload, timeout }, None) => {
                    let token = token(call).await?;
                    let due = timeout.map(|timeout| call.now.plus(timeout));
                    let payload = payload.as_ref().map_or(Value::Null, |payload| Value::clone(payload.json()));
                    Ok(Outcome::Wait(Waiting::Callback { token, due, payload }))
                }
                (Way::Callback { .. }, Some(Resolution::Called { value, at })) => {
                    Ok(Outcome::value(json!({ "payload": value, "at": at, "timed_out": false })))
                }
                (Way::Callback { payload, .. }, Some(Resolution::Due(at))) => {
                    self.default(payload.as_ref(), &input).map(|value| {
                        Outcome::value(json!({ "payload": value, "at": at, "timed_out": true }))
                    })
                }
                (_, None) => {
                    let due = self.due(&input, call.now)?;
                    Ok(if due <= call.now { timer(call.now) } else { Outcome::Wait(Waiting::Until(due)) })
                }
                (_, Some(Resolution::Due(at))) => Ok(timer(*at)),
                _ => Err(Failure::new(FailureClass::Bug, "a wait was ended by something else than was waited for")),
            }
        })
    }
}

fn timer(at: Time) -> Outcome {
    Outcome::value(json!({ "at": at }))
}

impl Waiter {
    /// When the timer goes off.
    fn due(&self, input: &Value, now: Time) -> Result<Time, Failure> {
        let given = |name: &str| input.get(name).unwrap_or(&Value::Null);
        let failed = |key: &str, cause: String| {
            Failure::new(FailureClass::Code, format!("`{key}` gives nothing that can be waited for")).because(cause)
        };
        let due = match &self.way {
            Way::For(Some(duration)) => now.plus(*duration),
            Way::For(None) => now.plus(length(given("for")).map_err(|cause| failed("for", cause))?),
            Way::Until(Some(time)) => *time,
            Way::Until(None) => moment(given("until")).map_err(|cause| failed("until", cause))?,
            Way::Callback { .. } => return Err(Failure::new(FailureClass::Bug, "a callback has no time")),
        };
        if due > now.plus(LONGEST) {
            return Err(failed("until", "it is more than ten years ahead".to_owned()));
        }
        Ok(due)
    }

    /// The payload that is taken when nobody called.
    fn default(&self, payload: Option<&Schema>, input: &Value) -> Result<Value, Failure> {
        if !self.has_default {
            return Err(Failure::new(FailureClass::Timeout, "nobody called back in time"));
        }
        let mut value = input.get("on_timeout").cloned().unwrap_or(Value::Null);
        if let Some(payload) = payload {
            payload.fill_defaults(&mut value);
            payload.check(&value).map_err(|violations| {
                let failure = Failure::new(FailureClass::Code, "`on_timeout` does not fit the payload");
                violations.into_iter().map(|violation| violation.message).fold(failure, Failure::because)
            })?;
        }
        Ok(value)
    }
}

/// What names the wait to the outside: the run, which is how the wait is found, and what nobody can guess. It is on
/// record before anybody can know it, so it is the same for as long as the run waits.
async fn token(call: &Call) -> Result<String, Failure> {
    let make = |attempt: &Attempt| {
        let run = attempt.tag.split('/').next().unwrap_or_default();
        format!("{run}.{}", call.secret()).into()
    };
    let token = local::note(call, "token", make).await?;
    token.as_str().map(str::to_owned).ok_or_else(|| Failure::new(FailureClass::Bug, "a token that is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_texts_or_milliseconds() {
        assert_eq!(moment(&json!("2026-01-01T00:00:00.5Z")), Ok(Time(1_767_225_600_500)));
        assert_eq!(moment(&json!("2026-01-01T02:00:00+02:00")), Ok(Time(1_767_225_600_000)));
        assert_eq!(moment(&json!("2026-01-01")), Ok(Time(1_767_225_600_000)));
        assert_eq!(moment(&json!(1_767_225_600_000_i64)), Ok(Time(1_767_225_600_000)));
        let cause = |value| moment(&value).expect_err("no moment");
        assert!(cause(json!(1_767_225_600)).contains("multiply seconds by 1000"));
        assert_eq!(cause(json!(null)), "null is no moment");
        assert!(cause(json!("tomorrow")).contains("is no date"));
        assert!(cause(json!(1e300)).contains("is no moment"));
    }

    #[test]
    fn lengths_are_durations_or_seconds() {
        assert_eq!(length(&json!("5m")), Ok(Duration::from_mins(5)));
        assert_eq!(length(&json!(1.5)), Ok(Duration::from_millis(1_500)));
        assert_eq!(length(&json!(0)), Ok(Duration::ZERO));
        for (value, cause) in [
            (json!(-1), "-1 is no number of seconds to wait"),
            (json!(1e300), "1e300 is no number of seconds to wait"),
            (json!(1e9), "it is longer than 3650d"),
            (json!("5"), "`5` is not a duration: the unit is missing; write `5s` or `5ms`"),
            (json!([1]), "[1] is no time to wait"),
        ] {
            let found = length(&value).expect_err("no time");
            assert!(found.starts_with(cause) || value == json!(1e300), "{found}");
        }
    }
}
