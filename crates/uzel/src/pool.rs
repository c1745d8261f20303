//! Drives many runs, a bounded number at a time, until there are no more or somebody interrupts. The one place of the
//! binary that starts tasks.

use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use uzel_core::{
    build::App,
    event::{ReleaseId, RunId},
    store::Head,
};
use uzel_runtime::{
    driver::Driver,
    engine::{self, Engine, Start, TakenUp},
};

use crate::{
    exit::Error,
    render::{Terminal, YELLOW, human::plural},
};

/// One run to drive.
pub(crate) struct Job {
    pub(crate) app: Arc<App>,
    pub(crate) work: Work,
}

/// From where.
pub(crate) enum Work {
    /// From its beginning.
    Start(ReleaseId, Box<Start>),
    /// From where its log ends, because somebody named it.
    Resume(RunId),
    /// From where its log ends, unless so many processes died with it in hand.
    TakeUp(RunId, u32),
    /// From the records of another run.
    Forked(Forking),
}

/// A run that has been accepted with the records of another.
pub(crate) struct Forking(pub(crate) RunId, pub(crate) Box<Driver>);

impl Job {
    /// The run, if it is known before it is begun.
    fn run(&self) -> Option<RunId> {
        match &self.work {
            Work::Start(_, start) => start.id.clone(),
            Work::Resume(run) | Work::TakeUp(run, _) | Work::Forked(Forking(run, _)) => Some(run.clone()),
        }
    }

    async fn drive(self, engine: Engine, patience: Duration) -> Result<Head, engine::Error> {
        let driver = match self.work {
            Work::Start(release, start) => engine.start(&self.app, &release, *start).await?,
            Work::Resume(run) => engine.resume(&self.app, &run).await?,
            Work::TakeUp(run, most) => match engine.take_up(&self.app, &run, most).await? {
                TakenUp::Goes(driver) => *driver,
                TakenUp::SetAside(head) => return Ok(head),
            },
            Work::Forked(Forking(_, driver)) => *driver,
        };
        // Nobody asks for anything: commands for this run go through the store.
        let (_, asks) = mpsc::channel(1);
        Ok(driver.patient(patience).drive(asks).await?)
    }
}

/// How driving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// There was nothing left.
    Done,
    /// Somebody interrupted.
    Interrupted,
}

/// Drives one run, and stays for timers that go off within `patience`; `None` if somebody interrupted.
pub(crate) async fn drive_one(engine: &Engine, job: Job, patience: Duration) -> Result<Option<Head>, Error> {
    let mut interrupts = Interrupts::new();
    let run = job.run();
    let head = tokio::select! {
        head = Box::pin(job.drive(engine.clone(), patience)) => Some(head?),
        () = interrupts.next() => None,
    };
    if head.is_none() {
        let_go(engine, run.iter()).await;
    }
    Ok(head)
}

/// Notes that runs were left in order. If that cannot be written they count as cut off, which only matters if it happens
/// again and again.
async fn let_go(engine: &Engine, runs: impl Iterator<Item = &RunId>) {
    for run in runs {
        let _ = engine.let_go(run).await;
    }
}

/// Drives all jobs; `done` is told of each run that ended or parked. After an interrupt nothing new is begun; after a
/// second one what is going on is left, too. The log knows how to go on.
pub(crate) async fn drive_all(
    engine: &Engine,
    jobs: impl Iterator<Item = Job>,
    parallel: NonZeroUsize,
    terminal: &Terminal,
    mut done: impl FnMut(Progressed<'_>) -> Result<(), Error>,
) -> Result<Ended, Error> {
    let mut jobs = jobs.fuse();
    let mut going: JoinSet<Result<Head, engine::Error>> = JoinSet::new();
    let mut interrupts = Interrupts::new();
    let mut ended = Ended::Done;
    let mut in_hand: BTreeSet<RunId> = BTreeSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    loop {
        while ended == Ended::Done
            && going.len() < parallel.get()
            && let Some(job) = jobs.next()
        {
            in_hand.extend(job.run());
            // Others are held up by one that stays for a timer.
            going.spawn(job.drive(engine.clone(), Duration::ZERO));
        }
        tokio::select! {
            finished = going.join_next() => match finished {
                None => return Ok(ended),
                // The task panicked: the hook has said so, and ours is the fault.
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(Err(_)) => {}
                Some(Ok(head)) => {
                    let head = head?;
                    in_hand.remove(&head.run);
                    done(Progressed::Run(&head))?;
                }
            },
            _ = tick.tick() => done(Progressed::Time)?,
            () = interrupts.next() => {
                if ended == Ended::Interrupted {
                    going.shutdown().await;
                    let_go(engine, in_hand.iter()).await;
                    return Ok(ended);
                }
                ended = Ended::Interrupted;
                let text = format!(
                    "{} going on will be finished first; interrupt again to leave at once",
                    plural(going.len(), "run"),
                );
                terminal.notice(YELLOW, "stopping", &text);
            }
        }
    }
}

/// What happened while driving.
pub(crate) enum Progressed<'a> {
    /// A run ended or parked.
    Run(&'a Head),
    /// Some time went by.
    Time,
}

/// Ctrl-C, and the polite request to end on Unix. Listens from the beginning, so that none is missed between two looks.
struct Interrupts {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
}

impl Interrupts {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Without a way to listen the default remains: the process ends.
        Self { signals: [SignalKind::interrupt(), SignalKind::terminate()].into_iter().flat_map(signal).collect() }
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            let came =
                self.signals.iter_mut().any(|signal| matches!(signal.poll_recv(cx), std::task::Poll::Ready(Some(()))));
            if came { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
