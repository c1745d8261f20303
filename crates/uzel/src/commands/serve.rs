//! `uzel serve`: apps behind one port, for as long as the process lives.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use uzel_core::{
    build::App,
    capability::BoxFuture,
    diagnostic::Code,
    duration,
    store::{Head, Store},
};
use uzel_runtime::{
    driver::Nobody,
    engine,
    runner::{Apps, Options, Runner},
};
use uzel_server::{Access, Served, Server, Settings};

use crate::{
    cli::{Global, OutsideChoice},
    exit::{Error, Exit},
    opened::{Opened, block_on},
    pool::Interrupts,
    project::Project,
    render::{DIM, GREEN, Terminal, YELLOW, human::plural},
};

mod log;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// App files, folders with an app.yaml, or folders of such folders
    #[arg(value_name = "APP", default_value = ".", hide_default_value = true)]
    apps: Vec<PathBuf>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Let everybody ask who can reach the address
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    outside: OutsideChoice,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value = "256")]
    parallel: NonZeroUsize,
    /// Runs that are accepted and wait for their turn; beyond that starts are refused
    #[arg(long, value_name = "N", default_value = "1024")]
    queue: usize,
    /// What is being done has so long to end when the server is stopped
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "25s")]
    drain: Duration,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let is_open = !arguments.listen.ip().is_loopback();
    if is_open && !arguments.insecure {
        let heading = format!("others can reach `{}`, and nothing says who may ask", arguments.listen);
        return Err(Error::usage(heading)
            .code(Code::BAD_ADDRESS)
            .hint("listen on 127.0.0.1 behind a proxy that checks who asks, or let everybody ask with `--insecure`"));
    }
    let projects = projects(&arguments.apps)?;
    let store = store(global, arguments, &projects);
    let opened = Arc::new(Opened::own(&store, terminal, Arc::new(Nobody))?);
    if terminal.verbose {
        log::install();
    }
    block_on(serve(terminal, opened, projects, arguments))
}

/// The apps that are named, in order.
fn projects(named: &[PathBuf]) -> Result<Vec<Project>, Error> {
    let mut projects = vec![];
    for path in named {
        match Project::find(path) {
            Ok(project) => projects.push(project),
            Err(error) => {
                let below = below(path);
                if below.is_empty() {
                    return Err(error);
                }
                projects.extend(below);
            }
        }
    }
    Ok(projects)
}

/// The apps in the folders of a folder.
fn below(folder: &Path) -> Vec<Project> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().filter_map(|folder| Project::find(folder).ok()).collect()
}

/// The given store, or that beside the only app, or that in the folder that was named.
fn store(global: &Global, arguments: &Arguments, projects: &[Project]) -> PathBuf {
    match (projects, &arguments.apps[..]) {
        ([one], _) => one.store(global),
        (_, [folder]) => global.store.clone().unwrap_or_else(|| folder.join(".uzel")),
        _ => global.store.clone().unwrap_or_else(|| PathBuf::from(".uzel")),
    }
}

/// The apps of runs, from their releases.
struct Releases(Arc<Opened>);

impl Apps for Releases {
    fn app_of<'a>(&'a self, head: &'a Head) -> BoxFuture<'a, Result<Arc<App>, engine::Error>> {
        Box::pin(async move {
            self.0.app_of(head).await.map_err(|error| {
                let causes = error.causes.iter().fold(String::new(), |all, cause| all + ": " + cause);
                engine::Error::Release(error.heading + &causes)
            })
        })
    }
}

async fn serve(
    terminal: &Terminal,
    opened: Arc<Opened>,
    projects: Vec<Project>,
    arguments: &Arguments,
) -> Result<Exit, Error> {
    // From the beginning, so that none is missed.
    let (mut first, mut second) = (Interrupts::new(), Interrupts::new());
    let mut served: BTreeMap<String, Served> = BTreeMap::new();
    for project in &projects {
        let one = prepared(terminal, &opened, project, &arguments.outside).await?;
        let name = one.app.graph.name.clone();
        if served.insert(name.clone(), one).is_some() {
            let heading = format!("two of the apps are named `{name}`");
            return Err(Error::usage(heading).hint("give one of them another `name:`, or another server"));
        }
    }
    let listener = tokio::net::TcpListener::bind(arguments.listen).await.map_err(|error| {
        let heading = format!("`{}` cannot be listened on: {error}", arguments.listen);
        Error::environment(heading).code(Code::BAD_ADDRESS).hint("`--listen 127.0.0.1:0` takes a free port")
    })?;
    let address = listener.local_addr().unwrap_or(arguments.listen);
    let options = Options { in_flight: arguments.parallel.get(), queue: arguments.queue, ..Options::default() };
    let (store, shared) = (Arc::clone(&opened.engine.store) as Arc<dyn Store>, Arc::clone(&opened.engine.shared));
    let runner = Runner::new(store, shared, Arc::new(Releases(opened)), options);
    let access = if address.ip().is_loopback() { Access::ThisMachine } else { Access::Anyone };
    let names: Vec<String> = served.keys().map(|name| format!("`{name}`")).collect();
    let settings = Settings { access, drain: arguments.drain, ..Settings::default() };
    let server = Server::new(runner, served.into_values().collect(), settings);
    terminal.notice(DIM, "serving", &names.join(", "));
    let whom = if address.ip().is_loopback() { "everybody on this machine" } else { "everybody who can reach it" };
    terminal.notice(YELLOW, "open", &format!("there are no keys: {whom} may ask"));
    terminal.notice(GREEN, "listening", &format!("http://{address}"));
    let stop = async {
        first.next().await;
        let text = "what is being done is finished first; interrupt again to leave at once";
        terminal.notice(YELLOW, "stopping", text);
    };
    let now = async {
        // The first one is the one that stops.
        second.next().await;
        second.next().await;
    };
    let ended = uzel_server::serve(server, listener, stop, now).await;
    if ended.cut > 0 {
        let text = format!("{} cut off; the next process goes on with them", plural(ended.cut, "run"));
        terminal.notice(YELLOW, "stopped", &text);
    }
    Ok(Exit::Fine)
}

/// An app, checked and made, with its release in the store.
async fn prepared(
    terminal: &Terminal,
    opened: &Opened,
    project: &Project,
    outside: &OutsideChoice,
) -> Result<Served, Error> {
    let choices = project.choices(outside)?;
    let reading = project.read_or_report(terminal, &choices)?;
    let Some(graph) = reading.graph else { return Err(Error::said(Exit::Failed)) };
    let (release, app) = opened.prepare(project, &graph, &choices)?;
    let models = opened.models(project, &graph);
    let id = release.id.clone();
    opened.engine.store.put_release(release).await?;
    Ok(Served { app, release: id, models })
}
