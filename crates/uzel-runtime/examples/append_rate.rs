//! Prints how many durable records a second the SQLite store takes, for one appender and for many; run it by hand.
//!
//! `cargo run --release -p uzel-runtime --example append_rate [FOLDER]`
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use uzel_core::{
    capability::tool::EffectClass,
    event::{EffectMeta, EffectName, Event, RunId, Stored, Time},
    store::{Append, Error, Frame, Head, Status, Store},
};
use uzel_runtime::store::sqlite::Sqlite;

/// How long each measurement takes.
const SPAN: Duration = Duration::from_secs(4);
/// Bytes of text in a record.
const TEXT: usize = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os().nth(1).unwrap_or_else(|| "target".into());
    let dir = Path::new(&parent).join(format!("append_rate-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    for appenders in [1, 8, 64, 256] {
        for has_head in [false, true] {
            let store = Arc::new(Sqlite::open(&dir.join(format!("{appenders}-{has_head}")))?);
            let rate = runtime.block_on(measure(store, appenders, has_head))?;
            let head = if has_head { "with its head" } else { "alone" };
            println!("{appenders:>4} appenders, each record {head}: {rate:>7.0} durable records/s");
        }
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// Records per second of this many runs at once.
async fn measure(store: Arc<Sqlite>, appenders: usize, has_head: bool) -> Result<f64, Error> {
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for number in 0..appenders {
        let store = Arc::clone(&store);
        all.spawn(async move {
            let run = RunId::from(format!("r{number}"));
            let mut last = 0;
            while begun.elapsed() < SPAN {
                let head = (last == 0 || has_head).then(|| head(&run, last));
                let append = Append { frames: vec![frame(last)], head, ..Append::default() };
                last = store.append(run.clone(), last, append).await?;
            }
            Ok::<_, Error>(last)
        });
    }
    let mut total = 0;
    for appended in all.join_all().await {
        total += appended?;
    }
    Ok(total as f64 / begun.elapsed().as_secs_f64())
}

fn frame(number: u64) -> Frame {
    let effect = EffectName::from(format!("notes[{number}].summarise/chat"));
    let value = Stored::Here(Arc::new(json!("x".repeat(TEXT))));
    let meta = EffectMeta { attempts: 1, model: Some("openai/gpt".into()), ..EffectMeta::default() };
    let event = Event::EffectReturned { effect: effect.clone(), class: EffectClass::Read, result: Ok(value), meta };
    Frame { effect: Some(effect), events: vec![event] }
}

fn head(run: &RunId, number: u64) -> Head {
    Head {
        run: run.clone(),
        app: "triage".into(),
        release: "0f".into(),
        status: Status::Running,
        created: Time(1),
        updated: Time(number.cast_signed()),
        wake: None,
        batch: None,
        cost_usd: 0.0,
        input_tokens: number,
        output_tokens: number,
        outcome: Value::Null,
    }
}
