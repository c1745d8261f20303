//! How a program gets an app: from a file or from code, with what stands around it. Made by `App::load` and
//! `App::builder`.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uzel_core::{
    builder::{Builder, Declaration, Node, Registered, Setting, Wanted},
    check::{self, Choices, Files, Reading},
    failure::Failure,
    kind::Catalog,
    store::Store,
};
use uzel_runtime::store::{memory::Memory, sqlite::Sqlite};

use super::{
    app::{App, Parts},
    error::{Error, Problems},
};

/// A secret's value, by its name.
pub(crate) type Secrets = dyn Fn(&str) -> Option<String> + Send + Sync;

/// An app in the making: from a [`File`], or from code ([`Builder`]). [`Setup::build`] checks it and makes it ready.
pub struct Setup<P> {
    program: P,
    functions: Vec<Registered>,
    overlays: Vec<String>,
    wanted: Vec<Wanted>,
    store: Option<PathBuf>,
    folder: PathBuf,
    secrets: Arc<Secrets>,
}

/// An app file, and the models that are chosen outside it.
#[derive(Clone, Debug)]
pub struct File {
    path: PathBuf,
    choices: Choices,
}

/// What `build` makes of a program: its reading, its functions and its main file.
pub(crate) struct Loaded {
    reading: Reading,
    functions: BTreeMap<String, Registered>,
    choices: Choices,
    name: String,
}

/// A program that can be read.
pub(crate) trait Program {
    /// Reads and checks it.
    fn read(self, functions: Vec<Registered>, overlays: Vec<String>, files: &Folder<'_>, catalog: &Catalog) -> Loaded;
}

impl Program for File {
    fn read(self, functions: Vec<Registered>, overlays: Vec<String>, files: &Folder<'_>, catalog: &Catalog) -> Loaded {
        let choices = Choices { overlays, ..self.choices };
        let name = self.path.display().to_string();
        let main = self.path.file_name().map_or_else(|| name.clone(), |main| main.to_string_lossy().into_owned());
        let functions: BTreeMap<_, _> = functions.into_iter().map(|f| (f.name.clone(), f)).collect();
        let reading = check::read(&main, files, &with_functions(catalog, &functions), &choices);
        Loaded { reading, functions, choices, name }
    }
}

impl Program for Builder {
    fn read(self, functions: Vec<Registered>, overlays: Vec<String>, files: &Folder<'_>, catalog: &Catalog) -> Loaded {
        let (name, choices) = (self.name().to_owned(), Choices { overlays, ..Choices::default() });
        let built = functions.into_iter().fold(self, Self::function).read(files, catalog, &choices);
        Loaded { reading: built.reading, functions: built.functions, choices, name }
    }
}

fn with_functions(catalog: &Catalog, functions: &BTreeMap<String, Registered>) -> Catalog {
    let mut catalog = catalog.clone();
    catalog.functions.extend(functions.iter().map(|(name, function)| (name.clone(), function.def.clone())));
    catalog
}

impl<P> Setup<P> {
    fn new(program: P, folder: PathBuf) -> Self {
        let (functions, overlays, wanted) = (vec![], vec![], vec![]);
        Self { program, functions, overlays, wanted, store: None, folder, secrets: Arc::new(secret) }
    }

    /// A function of this program that nodes run as `rust:NAME`. It takes one argument, a struct whose fields the
    /// node's `with` fills.
    #[track_caller]
    pub fn function<I, O, F, R>(mut self, name: &str, function: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        self.functions.push(Registered::named(name, function));
        self
    }

    /// Puts a file over the app, as `--overlay` does: other models, connections, limits, flags, defaults. The path is
    /// from the folder of the app. Call it again for several; later ones are put over earlier ones.
    pub fn overlay(mut self, path: impl Into<String>) -> Self {
        self.overlays.push(path.into());
        self
    }

    /// A function that `#[uzel::node]` made, for nodes that run it as `rust:NAME`: `.register(draft_reply::registered())`.
    pub fn register(mut self, function: Registered) -> Self {
        self.functions.push(function);
        self
    }

    /// Runs are started with values of this type: that it fits the app's `inputs` is checked by [`Setup::build`].
    #[track_caller]
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.wanted.push(Wanted::input::<T>());
        self
    }

    /// The output of runs is read as this type, by [`RunResult::output`](crate::RunResult::output): that it fits what the
    /// app gives is checked by [`Setup::build`].
    #[track_caller]
    pub fn gives<T: JsonSchema>(mut self) -> Self {
        self.wanted.push(Wanted::output::<T>());
        self
    }

    /// Keeps runs in this folder, made if it is not there, so that they outlive the process. One process at a time
    /// owns it. Without this, runs are kept in memory.
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = Some(folder.into());
        self
    }

    /// Where secrets come from. Without this: the environment variable of the secret's name, or the file that
    /// `NAME_FILE` names.
    pub fn secrets(mut self, lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.secrets = Arc::new(lookup);
        self
    }
}

#[expect(private_bounds, reason = "programs come from files and from code, and from nowhere else")]
impl<P: Program> Setup<P> {
    /// Checks the app, opens the store and makes what the app uses. Blocks for some milliseconds.
    ///
    /// # Errors
    /// Everything that is wrong with the app, each with its place; a missing secret; a store that another process has.
    pub fn build(self) -> Result<App, Error> {
        let catalog = uzel_std::catalog();
        let read = self.program.read(self.functions, self.overlays, &Folder(&self.folder), &catalog);
        let Reading { graph, mut diagnostics, mut sources, .. } = read.reading;
        if let Some(graph) = &graph {
            self.wanted.iter().for_each(|wanted| wanted.check(graph, &mut sources, &mut diagnostics));
        }
        let graph = graph.filter(|_| !diagnostics.has_errors());
        let problems = Problems::of(&read.name, &diagnostics, &sources, &self.folder);
        let Some(graph) = graph else { return Err(Error::App(problems)) };
        let store: Arc<dyn Store> = match &self.store {
            Some(folder) => Arc::new(Sqlite::open(folder)?),
            None => Arc::new(Memory::new()),
        };
        App::new(Parts {
            graph,
            warnings: problems.list,
            catalog: with_functions(&catalog, &read.functions),
            functions: read.functions.into_iter().map(|(name, f)| (name, f.function)).collect(),
            choices: read.choices,
            cache: self.store.unwrap_or_else(|| self.folder.join(".uzel")).join("cache"),
            folder: self.folder,
            secrets: self.secrets,
            store,
        })
    }
}

impl Setup<File> {
    pub(crate) fn of_file(path: PathBuf) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.to_owned();
        Self::new(File { path, choices: Choices::default() }, folder)
    }

    /// Takes another model than the file says: `("fast", "openai/gpt-5-mini")`. `*` is all models.
    pub fn model(mut self, name: &str, model: &str) -> Self {
        self.program.choices.models.insert(name.to_owned(), model.to_owned());
        self
    }
}

macro_rules! forward {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*);)*) => {
        /// See [`Builder`]; each call remembers where it stands, for errors.
        impl Setup<Builder> {
            $($(#[$doc])*
            #[track_caller]
            pub fn $name(mut self, $($arg: $ty),*) -> Self {
                self.program = self.program.$name($($arg),*);
                self
            })*
        }
    };
}

forward! {
    /// What the app is for.
    fn description(text: impl Into<String>);
    /// One field of what a run is given, with its type as in an app file: `"string"`, `"integer | null"`.
    fn input_type(name: &str, ty: impl Into<Value>);
    /// The name of a secret, to be used as `${{ secrets.NAME }}` in declarations.
    fn secret(name: &str);
    /// A model: `model("offline")`.
    fn model(name: &str, declaration: Declaration);
    /// A database or another server: `connection("sqlite").path("shop.db")`.
    fn connection(name: &str, declaration: Declaration);
    /// A knowledge base: `files("docs/**/*.md")`.
    fn knowledge(name: &str, declaration: Declaration);
    /// A tool: `http("POST https://example.com/refunds")`.
    fn tool(name: &str, declaration: Declaration);
    /// An MCP server: `mcp_url("https://search.example.com/mcp").tool("find", mcp_tool())`.
    fn mcp(name: &str, declaration: Declaration);
    /// A flag with its type and its value when nothing sets it.
    fn flag(name: &str, ty: &str, default: impl Into<Value>);
    /// A flag with its type as in an app file: `json!({ "enum": ["new", "old"], "default": "old" })`.
    fn flag_type(name: &str, ty: impl Into<Value>);
    /// Hard limits of a run: `limits().cost_usd(0.25)`.
    fn limits(limits: Declaration);
    /// What every node starts from: `defaults().retry(2).timeout(seconds(20))`.
    fn defaults(defaults: Declaration);
    /// Accepts a finding of the check, for a reason and until a day: `waive("UZ3006", "…", "2027-01-31")`.
    fn waive(code: &str, reason: &str, until: &str);
    /// A node: `llm("fast")`, `route("classify.category")`, `code_fn(draft)`, `human("Send it?")` and others.
    fn node(id: &str, node: impl Into<Node>);
    /// A field of what a run gives, with `${{ }}`. Without any, a run gives the outputs of nodes nothing depends on.
    fn output(name: &str, value: impl Into<Value>);
    /// What a run gives where that is no map of fields: `output_value("${{ write.text }}")`.
    fn output_value(value: impl Into<Value>);
    /// Any section by its name in app files.
    fn set(section: &str, value: impl Into<Setting>);
}

impl Setup<Builder> {
    #[track_caller]
    pub(crate) fn of_code(name: &str) -> Self {
        Self::new(Builder::new(name), PathBuf::from("."))
    }

    /// What a run is given: the fields of a Rust struct.
    #[track_caller]
    pub fn input<T: JsonSchema>(mut self) -> Self {
        self.program = self.program.input::<T>();
        self
    }

    /// The folder that files of the app are in (prompts, documents, data). Without this: the current one.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// The app file that means the same.
    pub fn to_yaml(&self) -> String {
        self.program.to_yaml()
    }
}

impl<P: fmt::Debug> fmt::Debug for Setup<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("program", &self.program).field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The files of a folder.
pub(crate) struct Folder<'a>(&'a Path);

impl Files for Folder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        // More than the checker takes; it says so itself when a file is larger.
        const MOST: u64 = 10 * 1024 * 1024 + 16;
        let words = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        let mut bytes = vec![];
        let file = std::fs::File::open(self.0.join(path)).map_err(words)?;
        file.take(MOST).read_to_end(&mut bytes).map_err(words)?;
        Ok(bytes)
    }

    fn beside(&self, path: &str) -> Vec<String> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let entries = std::fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten().take(1_000);
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") }).collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a library has no binary that hands it the environment; this is asked once"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn secret(name: &str) -> Option<String> {
    const LIMIT: u64 = 64 * 1024;
    variable(name).or_else(|| {
        let mut text = String::new();
        let file = std::fs::File::open(variable(&format!("{name}_FILE"))?).ok()?;
        file.take(LIMIT).read_to_string(&mut text).ok()?;
        let text = text.trim_end_matches(['\n', '\r']);
        (!text.is_empty()).then(|| text.to_owned())
    })
}
