//! What an editor is told about an app: small apps with a mark `$0` where the cursor stands.

use std::{collections::BTreeMap, fmt::Write as _, sync::OnceLock};

use uzel_core::{
    check::{Choices, Reading},
    diagnostic::Severity,
    index::{Index, Language, Place, Shapes, analyse},
    kind::Catalog,
};

mod completion;
mod places;
mod renaming;

/// Sorts a message and answers it. The prompt of `reply` is a file.
pub(crate) const DESK: &str = r#"version: 1
name: desk
inputs: { message: string, urgent: { type: boolean, default: false, description: "whether it cannot wait" } }
secrets: [DESK_KEY]
models: { fast: { use: offline, fallback: [slow] }, slow: { use: openai/gpt-5-mini, timeout: 30s, api_key: "${{ secrets.DESK_KEY }}" } }
connections: { shop: { use: sqlite, path: shop.db } }
knowledge: { pages: { files: docs/*.md } }
tools:
  find: { use: sqlite.query, connection: shop, sql: "SELECT 1 AS id WHERE 1 = :id", params: { id: string, limit: integer | null }, effect: read }
flags: { polite: { type: boolean, default: true } }
nodes:
  sort:
    kind: llm
    description: What is the message about?
    model: fast
    prompt: "What is this about? {{ input.message }}"
    output:
      topic: { enum: [billing, other] }
      order: { type: [string, "null"], description: the order's number }
  way:
    kind: route
    by: sort.topic
    cases: { billing: [order], other: [reply] }
  order:
    kind: tool
    tool: find
    timeout: 5s
    with: { id: "${{ sort.order or 'none' }}" }
    on_error: { run: look }
  look:
    kind: human
    title: "Look at ${{ sort.topic }}?"
    form: { note: string }
  search: { kind: retrieve, from: pages, query: "${{ input.message }}" }
  reply:
    kind: llm
    model: fast
    needs: [search]
    prompt: prompts/reply.md
output:
  topic: "${{ sort.topic }}"
  text: "${{ reply.text or nodes.sort.status }}"
"#;

pub(crate) const PROMPT: &str = "Answer {{ input.message }}.
{% if sort.order %}The order is {{ sort.order }}.{% endif %}
{% for page in search.documents %}{{ page.title }}: {{ page.text }}
{% endfor %}";

/// Files of an app and a place in one of them.
pub(crate) struct Desk {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) file: String,
    pub(crate) offset: usize,
}

impl Desk {
    /// An app file and a prompt, of which one has the mark.
    pub(crate) fn of(app: &str, prompt: &str) -> Self {
        let texts = [("app.yaml", app), ("prompts/reply.md", prompt)];
        let (mut file, mut offset) = ("app.yaml", 0);
        let mut files = BTreeMap::new();
        for (path, text) in texts {
            if let Some(at) = text.find("$0") {
                (file, offset) = (path, at);
            }
            files.insert(path.to_owned(), text.replacen("$0", "", 1).into_bytes());
        }
        Self { files, file: file.to_owned(), offset }
    }

    /// The desk with the mark behind a text that stands in it once, or in the middle where the text has a mark.
    pub(crate) fn at(text: &str) -> Self {
        let (plain, marked) =
            (text.replace("$0", ""), if text.contains("$0") { text.to_owned() } else { format!("{text}$0") });
        let count = DESK.matches(&plain).count() + PROMPT.matches(&plain).count();
        assert_eq!(count, 1, "`{plain}` stands {count} times in the desk");
        Self::of(&DESK.replace(&plain, &marked), &PROMPT.replace(&plain, &marked))
    }

    /// The desk with one text in it replaced by another, which has the mark.
    pub(crate) fn with(old: &str, new: &str) -> Self {
        let count = DESK.matches(old).count() + PROMPT.matches(old).count();
        assert_eq!(count, 1, "`{old}` stands {count} times in the desk");
        Self::of(&DESK.replace(old, new), &PROMPT.replace(old, new))
    }

    pub(crate) fn read(&self) -> (Reading, Option<Index>) {
        analyse("app.yaml", &self.files, &language())
    }

    pub(crate) fn index(&self) -> Index {
        self.read().1.unwrap()
    }

    pub(crate) fn text(&self, file: &str) -> &str {
        std::str::from_utf8(&self.files[file]).unwrap()
    }

    /// Each place as `file:line` and what stands there.
    pub(crate) fn show(&self, places: &[Place]) -> String {
        let mut out = String::new();
        for place in places {
            let text = self.text(&place.file);
            let line = text[..place.start].matches('\n').count() + 1;
            let _ = writeln!(out, "{}:{line} {}", place.file, &text[place.start..place.end]);
        }
        out
    }
}

/// The standard catalog and the schema that editors are given.
pub(crate) fn language() -> Language<'static> {
    static CATALOG: OnceLock<(Catalog, Choices, Shapes)> = OnceLock::new();
    let (catalog, choices, shapes) = CATALOG.get_or_init(|| {
        let schema = serde_json::from_str(include_str!("../../../../schema/app.schema.json")).unwrap();
        (uzel_testkit::lab::catalog(), Choices::default(), Shapes::new(schema))
    });
    Language { catalog, choices, shapes }
}

/// What is wrong; warnings are for apps that run.
pub(crate) fn errors(reading: &Reading) -> Vec<String> {
    let wrong = reading.diagnostics.iter().filter(|problem| problem.severity == Severity::Error);
    wrong.map(|problem| format!("{}: {}", problem.code, problem.message)).collect()
}

#[test]
fn the_desk_is_fine() {
    let (reading, index) = Desk::of(DESK, PROMPT).read();
    assert_eq!(errors(&reading), Vec::<String>::new());
    assert!(index.unwrap().is_whole());
}
