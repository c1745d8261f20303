//! Wall clocks that are wrong by a day or by ten years, at any moment of a run: nothing goes off twice, nothing early.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;
use uzel_core::{
    event::{Event, Resolution, RunId, Time, Wait},
    store::{Status, Store},
};
use uzel_runtime::{
    store::memory::Memory,
    world::{RealWorld, World},
};
use uzel_testkit::{
    lab::{Lab, app},
    probe::{Ledger, Reply},
    sim,
};

const DAY: i64 = 86_400_000;

const APP: &str = "
version: 1
nodes:
  first: { kind: probe }
  pause: { kind: wait, for: 2h, needs: [first] }
  second: { kind: probe, with: '${{ pause }}' }
  ask: { kind: human, title: 'Go on?', actions: [yes, no], timeout: 3h, on_timeout: no, needs: [second] }
  third: { kind: probe, with: '${{ ask.action }}', retry: { max: 2, base: 1s } }
output: '${{ third.with }}'
";

/// The moments at which the clock is turned: before the run, and after each time it was driven.
const MOMENTS: usize = 4;

#[test]
fn a_clock_that_is_wrong_by_days_or_years() {
    for turn in [-DAY, DAY, 3_652 * DAY, -3_652 * DAY] {
        for moment in 0..MOMENTS {
            for and_back in [false, true] {
                once(turn, moment, and_back);
            }
        }
    }
}

/// The clock is turned at one moment, and perhaps back at the next.
fn once(turn: i64, moment: usize, and_back: bool) {
    let at = format!("turned by {turn} ms at moment {moment}, and back: {and_back}");
    sim::run(3, |world| async move {
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let clock = Arc::clone(&world);
        let ledger = Ledger::new(
            move |time| clock.sleep(time),
            |done| Reply::Value(json!({ "with": done.with }), Duration::from_millis(10)),
        );
        let mut now = 0;
        let mut tick = || {
            if now == moment {
                world.turn(turn);
            } else if and_back && now == moment + 1 {
                world.turn(-turn);
            }
            now += 1;
        };
        let lab = || Lab::new(app(APP, &ledger), Arc::clone(&store), Arc::clone(&world) as Arc<dyn World>);
        tick();
        let mut head = lab().start("r1", json!({})).await.unwrap();
        for _ in 0..20 {
            tick();
            if head.status.is_final() {
                break;
            }
            assert_eq!(head.status, Status::Waiting, "{at}");
            let wake = head.wake.expect("both waits have a time");
            // One millisecond early nothing happens, by the clock as it is now.
            let before = Time(wake.0 - 1);
            if world.now() < before {
                world.skip_to(before);
                assert!(store.due(world.now(), 10).await.unwrap().is_empty(), "{at}");
                assert_eq!(lab().resume("r1").await.unwrap().wake, Some(wake), "{at}");
            }
            world.skip_to(wake);
            assert_eq!(store.due(world.now(), 10).await.unwrap(), [RunId::from("r1")], "{at}");
            head = lab().resume("r1").await.unwrap();
        }
        assert_eq!((head.status, &head.outcome["output"]), (Status::Succeeded, &json!("no")), "{at}");
        assert_eq!(ledger.done().len(), 3, "{at}: each effect once");
        let log = lab().log("r1").await;
        let (mut due, mut ended) = (None, 0);
        for event in &log {
            match event {
                Event::Waited { wait: Wait::Until(time), .. } => due = Some(*time),
                Event::Waited { wait: Wait::Answer(question), .. } => due = question.due,
                Event::Resolved { resolution: Resolution::Due(time), .. } => {
                    ended += 1;
                    assert!(Some(*time) >= due.take(), "{at}: not early, and once");
                }
                _ => {}
            }
        }
        assert_eq!((ended, due), (2, None), "{at}: {log:#?}");
    });
}

#[test]
fn ids_are_unique() {
    let world = RealWorld::default();
    let ids: BTreeSet<String> = (0..100_000).map(|_| world.id()).collect();
    assert_eq!(ids.len(), 100_000);
}
