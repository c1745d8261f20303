//! Hover, definitions, references and the outline.

use expect_test::{Expect, expect};
use uzel_core::index::Symbol;

use super::{DESK, Desk, PROMPT, errors, language};

fn hover(desk: &Desk, expected: Expect) {
    let hover = desk.index().hover(&desk.file, desk.offset, &language());
    let shown = hover.map_or_else(
        || "nothing\n".to_owned(),
        |hover| format!("{}{}\n", desk.show(std::slice::from_ref(&hover.at)), hover.text),
    );
    expected.assert_eq(&shown);
}

fn definition(desk: &Desk, expected: Expect) {
    let place = desk.index().definition(&desk.file, desk.offset);
    expected.assert_eq(&place.map_or_else(|| "nothing\n".to_owned(), |place| desk.show(&[place])));
}

fn references(desk: &Desk, expected: Expect) {
    expected.assert_eq(&desk.show(&desk.index().references(&desk.file, desk.offset, true)));
}

#[test]
fn a_node_in_an_expression_says_what_it_is_and_gives() {
    hover(
        &Desk::at("title: \"Look at ${{ so$0rt.topic"),
        expect![[r#"
        app.yaml:32 sort
        ```text
        sort: {
          topic: "billing" | "other"
          order: string | null
        }
        ```

        node of kind `llm`: asks a model

        What is the message about?

        declared in `app.yaml`, line 12
    "#]],
    );
}

#[test]
fn a_field_says_its_type_and_where_it_comes_from() {
    hover(
        &Desk::at("id: \"${{ sort.or$0der or"),
        expect![[r#"
        app.yaml:28 order
        ```text
        sort.order: string | null
        ```

        the order's number

        declared in `app.yaml`, line 19
    "#]],
    );
    hover(
        &Desk::at("What is this about? {{ input.mess$0age"),
        expect![[r#"
        app.yaml:16 message
        ```text
        input.message: string
        ```

        declared in `app.yaml`, line 3
    "#]],
    );
    hover(
        &Desk::at("title: \"Look at ${{ sort.top$0ic"),
        expect![[r#"
        app.yaml:32 topic
        ```text
        sort.topic: "billing" | "other"
        ```

        declared in `app.yaml`, line 18
    "#]],
    );
}

#[test]
fn a_prompt_file_knows_its_own_names_too() {
    hover(
        &Desk::at("{{ pag$0e.title"),
        expect![[r#"
        prompts/reply.md:3 page
        ```text
        page: {
          id: string
          title: string
          text: string
          score: number
        }
        ```

        set by the template
    "#]],
    );
    hover(
        &Desk::at("page.tex$0t"),
        expect![[r#"
        prompts/reply.md:3 text
        ```text
        page.text: string
        ```
    "#]],
    );
    hover(
        &Desk::at("{{ sort.order$0 }}."),
        expect![[r#"
        prompts/reply.md:2 order
        ```text
        sort.order: string
        ```

        the order's number

        declared in `app.yaml`, line 19
    "#]],
    );
    hover(
        &Desk::at("Ans$0wer"),
        expect![[r#"
        nothing
    "#]],
    );
}

#[test]
fn keys_and_words_say_what_they_are_for() {
    hover(
        &Desk::at("    timeo$0ut: 5s"),
        expect![[r#"
        app.yaml:27 timeout
        **timeout**

        How long one try of an effect may take.
    "#]],
    );
    hover(
        &Desk::at("kind: rou$0te"),
        expect![[r#"
        app.yaml:21 route
        `route`: chooses what runs next by a value
    "#]],
    );
    hover(
        &Desk::at("know$0ledge:"),
        expect![[r#"
        app.yaml:7 knowledge
        **knowledge**

        Knowledge bases by name.
    "#]],
    );
    hover(
        &Desk::at("ver$0sion: 1"),
        expect![[r#"
        app.yaml:1 version
        **version** (required)

        Version of the language.

        one of `1`
    "#]],
    );
    hover(
        &Desk::at("effect: re$0ad"),
        expect![[r#"
        app.yaml:9 read
        `read`: Reads only: doing it again changes nothing.
    "#]],
    );
}

#[test]
fn names_say_what_is_declared() {
    hover(
        &Desk::at("tool: fi$0nd"),
        expect![[r#"
        app.yaml:26 find
        `find` of `tools`: `sqlite.query`

        reads rows of a SQLite database

        declared in `app.yaml`, line 9
    "#]],
    );
    hover(
        &Desk::at("fallback: [sl$0ow]"),
        expect![[r#"
        app.yaml:5 slow
        `slow` of `models`: `openai/gpt-5-mini`

        Chat completions of OpenAI.

        declared in `app.yaml`, line 5
    "#]],
    );
    hover(
        &Desk::at("  wa$0y:"),
        expect![[r#"
        app.yaml:20 way
        ```text
        way: "billing" | "other"
        ```

        node of kind `route`: chooses what runs next by a value

        declared in `app.yaml`, line 20
    "#]],
    );
    hover(
        &Desk::at("prompt: prompts/re$0ply.md"),
        expect![[r#"
        app.yaml:39 prompts/reply.md
        the file `prompts/reply.md`
    "#]],
    );
    hover(
        &Desk::at("nodes.so$0rt.status"),
        expect![[r#"
        app.yaml:42 sort
        ```text
        nodes.sort: {
          status: "pending" | "running" | "waiting" | "ok" | "stepped_over" | "inactive" | "failed" | "blocked" | "ca…
          attempts: integer
          cost_usd: number
        }
        ```

        node of kind `llm`: asks a model

        What is the message about?
    "#]],
    );
    hover(
        &Desk::at("nodes.sort.sta$0tus"),
        expect![[r#"
        app.yaml:42 status
        ```text
        nodes.sort.status: "pending" | "running" | "waiting" | "ok" | "stepped_over" | "inactive" | "failed" | "blocked" | "ca…
        ```
    "#]],
    );
}

#[test]
fn definitions_are_found_from_everywhere() {
    definition(
        &Desk::at("by: so$0rt.topic"),
        expect![[r#"
        app.yaml:12 sort
    "#]],
    );
    definition(
        &Desk::at("by: sort.to$0pic"),
        expect![[r#"
        app.yaml:18 topic
    "#]],
    );
    definition(
        &Desk::at("needs: [sea$0rch]"),
        expect![[r#"
        app.yaml:34 search
    "#]],
    );
    definition(
        &Desk::at("other: [re$0ply]"),
        expect![[r#"
        app.yaml:35 reply
    "#]],
    );
    definition(
        &Desk::at("{ run: lo$0ok }"),
        expect![[r#"
        app.yaml:30 look
    "#]],
    );
    definition(
        &Desk::at("tool: fi$0nd"),
        expect![[r#"
        app.yaml:9 find
    "#]],
    );
    definition(
        &Desk::at("connection: sh$0op"),
        expect![[r#"
        app.yaml:6 shop
    "#]],
    );
    definition(
        &Desk::at("from: pa$0ges"),
        expect![[r#"
        app.yaml:7 pages
    "#]],
    );
    definition(
        &Desk::at("fallback: [sl$0ow]"),
        expect![[r#"
        app.yaml:5 slow
    "#]],
    );
    definition(
        &Desk::at("secrets.DESK$0_KEY"),
        expect![[r#"
        app.yaml:4 DESK_KEY
    "#]],
    );
    definition(
        &Desk::at("this about? {{ input.mess$0age"),
        expect![[r#"
        app.yaml:3 message
    "#]],
    );
    definition(
        &Desk::at("this about? {{ inp$0ut.message"),
        expect![[r#"
        app.yaml:3 inputs
    "#]],
    );
    definition(
        &Desk::at("nodes.so$0rt.status"),
        expect![[r#"
        app.yaml:12 sort
    "#]],
    );
    definition(
        &Desk::at("{% if so$0rt.order"),
        expect![[r#"
        app.yaml:12 sort
    "#]],
    );
    definition(
        &Desk::at("in search.docu$0ments"),
        expect![[r#"
        nothing
    "#]],
    );
    definition(
        &Desk::at("version$0: 1"),
        expect![[r#"
        nothing
    "#]],
    );
    let desk = Desk::at("prompt: prompts/re$0ply.md");
    let place = desk.index().definition(&desk.file, desk.offset).unwrap();
    assert_eq!((place.file.as_str(), place.start, place.end), ("prompts/reply.md", 0, 0));
}

#[test]
fn references_are_found_in_all_files() {
    references(
        &Desk::at("  so$0rt:"),
        expect![[r#"
        app.yaml:12 sort
        app.yaml:22 sort
        app.yaml:28 sort
        app.yaml:32 sort
        app.yaml:41 sort
        app.yaml:42 sort
        prompts/reply.md:2 sort
        prompts/reply.md:2 sort
    "#]],
    );
    references(
        &Desk::at("{{ sort.or$0der }}."),
        expect![[r#"
        app.yaml:19 order
        app.yaml:28 order
        prompts/reply.md:2 order
        prompts/reply.md:2 order
    "#]],
    );
    references(
        &Desk::at("  fi$0nd: {"),
        expect![[r#"
        app.yaml:9 find
        app.yaml:26 find
    "#]],
    );
    references(
        &Desk::at("{ mess$0age: string"),
        expect![[r#"
        app.yaml:3 message
        app.yaml:16 message
        app.yaml:34 message
        prompts/reply.md:1 message
    "#]],
    );
    references(
        &Desk::at("connections: { sh$0op"),
        expect![[r#"
        app.yaml:6 shop
        app.yaml:9 shop
    "#]],
    );
}

#[test]
fn a_file_with_mistakes_still_has_an_index() {
    // An expression that cannot be read, a node without its kind, a misspelt key.
    let broken = DESK
        .replace("by: sort.topic", "by: sort.topic ==")
        .replace("    kind: human\n", "")
        .replace("    tool: find\n", "    tol: find\n");
    let desk = Desk::of(&broken.replace("  sort:\n", "  so$0rt:\n"), PROMPT);
    assert!(desk.read().0.graph.is_none());
    references(
        &desk,
        expect![[r#"
        app.yaml:12 sort
        app.yaml:22 sort
        app.yaml:28 sort
        app.yaml:31 sort
        app.yaml:40 sort
        app.yaml:41 sort
        prompts/reply.md:2 sort
        prompts/reply.md:2 sort
    "#]],
    );
    // A prompt that cannot be read.
    let desk = Desk::of(&DESK.replace("  sort:\n", "  so$0rt:\n"), &PROMPT.replace("{% endif %}", ""));
    references(
        &desk,
        expect![[r#"
        app.yaml:12 sort
        app.yaml:22 sort
        app.yaml:28 sort
        app.yaml:32 sort
        app.yaml:41 sort
        app.yaml:42 sort
        prompts/reply.md:2 sort
        prompts/reply.md:2 sort
    "#]],
    );
}

/// Bodies in nodes: names inside see what is outside, and two bodies may use one name.
const NESTED: &str = r#"version: 1
inputs: { messages: [string] }
models: { fast: { use: offline } }
nodes:
  first: { kind: llm, model: fast, prompt: "Sum up: {{ input.messages | join }}" }
  each:
    kind: map
    for_each: input.messages
    as: message
    do:
      read: { kind: llm, model: fast, prompt: "{{ first.text }} {{ message }}" }
      answer: { kind: llm, model: fast, prompt: "{{ read.text }}", needs: [read] }
    output: "${{ answer.text }}"
  again:
    kind: map
    for_each: each.items
    do:
      read: { kind: llm, model: fast, prompt: "{{ item }} {{ loop.index }}" }
  one:
    kind: map
    for_each: again.items
    do: { kind: llm, model: fast, prompt: "{{ first.text }} {{ item.read.text }}" }
output: { all: "${{ one.items }}" }
"#;

/// The nested app with the mark in a text that stands in it once.
fn nested(text: &str) -> Desk {
    let plain = text.replace("$0", "");
    assert_eq!(NESTED.matches(&plain).count(), 1, "{plain}");
    Desk::of(&NESTED.replace(&plain, text), "")
}

#[test]
fn names_inside_of_nodes() {
    let (reading, _) = Desk::of(NESTED, "").read();
    assert_eq!(errors(&reading), Vec::<String>::new());
    references(
        &nested("  fi$0rst:"),
        expect![[r#"
        app.yaml:5 first
        app.yaml:11 first
        app.yaml:22 first
    "#]],
    );
    references(
        &nested("{{ re$0ad.text }}"),
        expect![[r#"
        app.yaml:11 read
        app.yaml:12 read
        app.yaml:12 read
    "#]],
    );
    references(
        &nested("      re$0ad: { kind: llm, model: fast, prompt: \"{{ item"),
        expect![[r#"
        app.yaml:18 read
    "#]],
    );
    references(
        &nested("output: \"${{ ans$0wer.text"),
        expect![[r#"
        app.yaml:12 answer
        app.yaml:13 answer
    "#]],
    );
    definition(
        &nested("{{ mess$0age }}"),
        expect![[r#"
        app.yaml:9 message
    "#]],
    );
    definition(
        &nested("{{ it$0em }} {{ loop"),
        expect![[r#"
        app.yaml:16 for_each
    "#]],
    );
    hover(
        &nested("{{ mess$0age }}"),
        expect![[r#"
        app.yaml:11 message
        ```text
        message: string
        ```

        what the body is given in each round
    "#]],
    );
    hover(
        &nested("loop.ind$0ex"),
        expect![[r#"
        app.yaml:18 index
        ```text
        loop.index: integer
        ```
    "#]],
    );
    // What no check came to is found by its place.
    let broken = NESTED.replace("    kind: map\n    for_each: input.messages", "    for_each: input.messages");
    references(
        &Desk::of(&broken.replace("{{ read.text }}", "{{ re$0ad.text }}"), ""),
        expect![[r#"
        app.yaml:10 read
        app.yaml:11 read
        app.yaml:11 read
    "#]],
    );
}

#[test]
fn the_outline_has_sections_and_what_is_in_them() {
    fn show(symbols: &[Symbol], depth: usize, out: &mut String) {
        for symbol in symbols {
            out.push_str(&format!("{}{} {}\n", "  ".repeat(depth), symbol.name, symbol.detail));
            assert!(symbol.whole.start <= symbol.at.start && symbol.at.end <= symbol.whole.end);
            show(&symbol.children, depth + 1, out);
        }
    }
    let mut out = String::new();
    show(&Desk::of(DESK, PROMPT).index().symbols(), 0, &mut out);
    expect![[r#"
        version 
        name desk
        inputs 
          message string
          urgent 
        secrets 
        models 
          fast offline
          slow openai/gpt-5-mini
        connections 
          shop sqlite
        knowledge 
          pages 
        tools 
          find sqlite.query
        flags 
          polite 
        nodes 
          sort llm
          way route
          order tool
          look human
          search retrieve
          reply llm
        output 
          topic ${{ sort.topic }}
          text ${{ reply.text or nodes.sort.status }}
    "#]]
    .assert_eq(&out);
}
