//! Runs that begin with records of others, runs that kill processes, runs that change release: whole at every moment.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use uzel_core::{
    event::{Event, RunId},
    run::{Run, fork::Wish},
    store::{Head, Status},
};
use uzel_runtime::engine::{Start, TakenUp};
use uzel_testkit::{
    lab::{Lab, app, nobody_asks},
    sim,
};

use super::driver::{lab, ledger, ok};

const CHAIN: &str = "
version: 1
nodes:
  first: { kind: probe }
  second: { kind: probe, needs: [first], class: keyed }
  third: { kind: probe, needs: [second] }
";

#[test]
fn a_fork_is_whole_once_it_is_accepted() {
    sim::run(3, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, CHAIN, &ledger);
        assert_eq!(lab.start("r1", json!({})).await.unwrap().status, Status::Succeeded);
        let looked = lab.engine.look(&lab.app.graph, &"r1".into()).await.unwrap();
        let wish = Wish { at: Some("second".into()), set: BTreeMap::new() };
        let fork = lab.engine.plan_fork(&looked, &lab.app.graph, &wish).unwrap();
        assert_eq!((fork.reused.len(), fork.repeated.len(), fork.repeated_writes().count()), (1, 2, 1));
        // The process dies as soon as it is accepted.
        drop(lab.engine.fork(&lab.app, &"lab".into(), &looked, fork, "r2".into(), None).await.unwrap());
        assert_eq!(lab.resume("r2").await.unwrap().status, Status::Succeeded);
        let counts = ledger.counts();
        let done = |node: &str| counts.iter().filter(|(name, _)| name.starts_with(node)).map(|(_, n)| n).sum::<usize>();
        assert_eq!((done("first"), done("second"), done("third")), (1, 2, 2));
        let keys: Vec<String> =
            ledger.done().into_iter().filter(|done| done.node() == "second").map(|done| done.key).collect();
        assert_ne!(keys[0], keys[1], "another run has other keys");
        let log = lab.log("r2").await;
        let Event::Started { forked_from: Some(from), .. } = &log[0] else { panic!("{log:?}") };
        assert_eq!((from.run.as_str(), from.reused), ("r1", 1));
        // Both come to the same.
        let (old, new) = (head(&lab, "r1").await, head(&lab, "r2").await);
        assert_eq!(old.outcome, new.outcome);
    });
}

async fn head(lab: &Lab, id: &str) -> Head {
    lab.engine.store.head(RunId::from(id)).await.unwrap().unwrap()
}

/// A process takes a run up and dies at once; gives the row if the run was set aside.
async fn dies(lab: &Lab) -> Option<Head> {
    match lab.engine.take_up(&lab.app, &"r1".into(), 3).await.unwrap() {
        TakenUp::Goes(driver) => {
            drop(driver);
            None
        }
        TakenUp::SetAside(head) => Some(head),
    }
}

#[test]
fn a_run_that_kills_three_processes_is_set_aside() {
    sim::run(4, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, CHAIN, &ledger);
        let start = Start { id: Some("r1".into()), ..Start::default() };
        drop(lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap());
        assert!(dies(&lab).await.is_none() && dies(&lab).await.is_none());
        // That a process was asked to stop is no crash.
        lab.engine.let_go(&"r1".into()).await.unwrap();
        assert!(dies(&lab).await.is_none() && dies(&lab).await.is_none() && dies(&lab).await.is_none());
        let row = dies(&lab).await.unwrap();
        assert_eq!(row.status, Status::Quarantined);
        let log = lab.log("r1").await;
        assert!(matches!(log.last(), Some(Event::SetAside { crashes: 3, .. })), "{log:?}");
        assert_eq!(dies(&lab).await.unwrap().status, Status::Quarantined, "it stays so");
        assert_eq!(lab.log("r1").await.len(), log.len(), "and is not noted again");
        let run = Run::fold("r1".into(), Arc::clone(&lab.app.graph), &log);
        assert_eq!(run.status(false), Status::Quarantined);
        // By its name it goes on.
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
        assert!(ledger.counts().values().all(|n| *n == 1));
    });
}

const ASKED: &str = "
version: 1
nodes:
  first: { kind: probe, class: keyed }
  ask: { kind: human, title: 'Go on?', needs: [first], actions: [yes] }
  third: { kind: probe, needs: [ask] }
";

#[test]
fn a_run_goes_on_with_another_release_under_its_name() {
    sim::run(5, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, ASKED, &ledger);
        assert_eq!(lab.start("r1", json!({})).await.unwrap().status, Status::Waiting);
        let more = format!("{ASKED}  fourth: {{ kind: probe, needs: [third] }}\n");
        let newer = Lab { app: app(&more, &ledger), engine: lab.engine.clone() };
        let row = lab.engine.migrate(&newer.app.graph, &"newer".into(), &"r1".into(), None).await.unwrap();
        assert_eq!((row.status, row.release.as_str()), (Status::Waiting, "newer"));
        newer.answer("r1", "ask", "yes", json!({})).await.unwrap();
        let driver = newer.engine.resume(&newer.app, &"r1".into()).await.unwrap();
        let row = driver.drive(nobody_asks()).await.unwrap();
        assert_eq!((row.status, row.release.as_str()), (Status::Succeeded, "newer"));
        let counts = ledger.counts();
        assert!(counts.keys().any(|name| name.starts_with("fourth")), "{counts:?}");
        assert!(counts.values().all(|n| *n == 1), "nothing is done twice: {counts:?}");
    });
}
