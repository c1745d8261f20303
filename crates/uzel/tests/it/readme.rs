//! The two programs of the README run, and the README shows these very programs.

use std::{fs, path::Path};

use uzel::{App, json};

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The first fenced block of a language.
fn block(language: &str) -> String {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    let start = readme.find(&fence).unwrap_or_else(|| panic!("README.md has no {language} block")) + fence.len();
    let end = readme[start..].find("\n```").unwrap_or_else(|| panic!("the {language} block does not end"));
    readme[start..=start + end].to_owned()
}

mod program {
    //! The README's program: what stands between the two marks.

    // README begins
    use uzel::{App, Error, json, llm, model};

    #[tokio::main]
    async fn main() -> Result<(), Error> {
        let app = App::builder("hello")
            .input_type("message", "string")
            .model("fast", model("offline"))
            .node("sum_up", llm("fast").prompt("Sum up in one sentence: {{ input.message }}"))
            .build()?;
        let run = app.run(json!({ "message": "The app crashes when I log in. I use it every day." })).await?;
        println!("{}", run.output);
        Ok(())
    }
    // README ends

    pub(super) fn run() -> Result<(), Error> {
        main()
    }
}

#[test]
fn the_program_is_the_readmes_and_runs() {
    let source = include_str!("readme.rs");
    let (_, rest) = source.split_once("    // README begins\n").unwrap();
    let (program, _) = rest.split_once("    // README ends\n").unwrap();
    let program: String =
        program.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    assert_eq!(block("rust"), program, "README.md shows another program than the one that is tested here");
    program::run().unwrap();
}

#[tokio::test]
async fn the_file_is_the_readmes_and_runs() {
    let path = repository().join("examples/hello/app.yaml");
    let file = fs::read_to_string(&path).unwrap();
    assert_eq!(block("yaml"), file, "README.md shows another app than examples/hello/app.yaml");
    let app = App::load(&path).build().unwrap();
    let result = app.run(json!({ "message": "The app crashes when I log in" })).await.unwrap();
    assert_eq!(result.output, json!({ "topic": "technical" }));
    assert!(app.notices()[0].contains("offline"), "{:?}", app.notices());
}
