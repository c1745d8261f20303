//! `fmt`: files are formatted in place, whole or not at all.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _};

use expect_test::expect;

use crate::scratch::{DESK, Scratch};

const LOOSE: &str =
    "version:   1 # one\n\nnodes:\n    a: {kind: llm,model: fast, prompt: '{{ input.x }}'}\n\n\n# end\n";

#[test]
fn a_file_is_formatted_once() {
    let scratch = Scratch::new(&[("apps/app.yaml", LOOSE)]);
    let expected = expect![[r#"
        exit 0
        --- stderr
        formatted: apps/app.yaml
    "#]];
    scratch.check(&["fmt", "apps"], expected);
    expect![[r#"
        version: 1 # one

        nodes:
          a: { kind: llm, model: fast, prompt: "{{ input.x }}" }

        # end
    "#]]
    .assert_eq(&scratch.read("apps/app.yaml"));
    scratch.check(
        &["fmt", "apps/app.yaml"],
        expect![[r#"
        exit 0
        --- stderr
        formatted: nothing to change in 1 file
    "#]],
    );
}

#[test]
fn without_a_name_it_is_the_app_here() {
    let scratch = Scratch::new(&[("app.yaml", LOOSE)]);
    assert_eq!(scratch.fine(&["fmt", "--quiet"]), "");
    assert_ne!(scratch.read("app.yaml"), LOOSE);
}

#[test]
fn a_check_writes_nothing() {
    let scratch = Scratch::new(&[("app.yaml", LOOSE), ("fine.yaml", "a: 1\n")]);
    scratch.check(
        &["fmt", "--check", "app.yaml", "fine.yaml"],
        expect![[r#"
        exit 1
        --- stdout
        app.yaml
        --- stderr
        not formatted: app.yaml
    "#]],
    );
    // A snapshot keeps no line of one space, as a diff has for an empty line: it is made visible.
    let diff = scratch.shown(&scratch.output(&["fmt", "--diff", "app.yaml", "fine.yaml"])).replace("\n \n", "\n·\n");
    expect![[r#"
        exit 1
        --- stdout
        --- app.yaml
        +++ app.yaml
        @@ -1,7 +1,6 @@
        -version:  1 # one
        +version: 1 # one
        ·
         nodes:
        -  a: {kind: llm,model: fast, prompt: '{{ input.x }}'}
        -
        +  a: { kind: llm, model: fast, prompt: "{{ input.x }}" }
        ·
         # end
        --- stderr
        not formatted: app.yaml
    "#]]
    .assert_eq(&diff);
    scratch.check(
        &["fmt", "--check", "fine.yaml"],
        expect![[r#"
        exit 0
        --- stderr
        formatted: nothing to change in 1 file
    "#]],
    );
    assert_eq!(scratch.read("app.yaml"), LOOSE);
}

#[test]
fn what_cannot_be_read_stays_as_it_is() {
    let tab = "version: 1\nnodes:\n\ta: 1\r\n";
    let scratch = Scratch::new(&[("tab.yaml", tab), ("loose.yaml", LOOSE)]);
    scratch.write("latin.yaml", b"a:   caf\xe9\n");
    scratch.check(
        &["fmt", "tab.yaml", "latin.yaml", "loose.yaml"],
        expect![[r#"
        exit 1
        --- stderr
        error[UZ0004]: a tab is used for indentation
         --> tab.yaml:3:1
          |
        3 |  a: 1
          | ^^^^
          |
          = help: use spaces
                  run `uzel explain UZ0004`
        error: `tab.yaml` is left as it is: 1 error
        error[UZ0001]: the byte 0xe9 is not UTF-8
         --> latin.yaml:1:9
          |
        1 | a:  caf�
          |  ^
          |
          = help: save the file as UTF-8
                  run `uzel explain UZ0001`
        error: `latin.yaml` is left as it is: 1 error
        formatted: loose.yaml
    "#]],
    );
    assert_eq!(scratch.read("tab.yaml"), tab);
    assert_eq!(fs::read(scratch.path().join("latin.yaml")).unwrap(), b"a:   caf\xe9\n");
    assert_ne!(scratch.read("loose.yaml"), LOOSE, "one bad file keeps no other from being formatted");
    scratch.check(
        &["fmt", "nowhere.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no app file `nowhere.yaml`
        hint: did you mean `loose.yaml`?
    "#]],
    );
}

#[test]
fn the_file_keeps_its_mode_and_links_lead_to_it() {
    let scratch = Scratch::new(&[("app.yaml", LOOSE), ("fixed.yaml", LOOSE)]);
    let path = |name: &str| scratch.path().join(name);
    fs::set_permissions(path("app.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(path("fixed.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    std::os::unix::fs::symlink("app.yaml", path("link.yaml")).unwrap();
    scratch.fine(&["fmt", "link.yaml"]);
    assert!(fs::symlink_metadata(path("link.yaml")).unwrap().is_symlink());
    assert_eq!(fs::metadata(path("app.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_ne!(scratch.read("app.yaml"), LOOSE);
    scratch.check(
        &["fmt", "fixed.yaml"],
        expect![[r#"
        exit 3
        --- stderr
        error: `fixed.yaml` is read-only; it is left as it is
    "#]],
    );
    assert_eq!(scratch.read("fixed.yaml"), LOOSE);
    // Nothing is left beside the files.
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 3);
}

#[test]
fn line_ends_and_byte_order_marks() {
    let scratch = Scratch::new(&[("app.yaml", &format!("\u{feff}{}", DESK.replace('\n', "\r\n")))]);
    scratch.fine(&["fmt"]);
    let formatted = scratch.read("app.yaml");
    assert!(!formatted.contains(['\r', '\u{feff}']), "{formatted:?}");
    scratch.fine(&["check"]);
}

#[test]
fn standard_input_to_standard_output() {
    let scratch = Scratch::new(&[]);
    let pipe = |arguments: &[&str], text: &str| {
        let mut command = scratch.command(arguments);
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        scratch.shown(&child.wait_with_output().unwrap())
    };
    expect![[r#"
        exit 0
        --- stdout
        a: { b: 1 }
    "#]]
    .assert_eq(&pipe(&["fmt", "--stdin"], "a:   {b: 1}"));
    expect![[r#"
        exit 1
        --- stdout
        <stdin>
    "#]]
    .assert_eq(&pipe(&["fmt", "--stdin", "--check"], "a:   1\n"));
    expect![[r#"
        exit 1
        --- stderr
        error[UZ0003]: a value is missing here
         --> <stdin>:1:6
          |
        1 | a: [
          |  ^
          |
          = help: write one, or remove the comma or bracket
                  run `uzel explain UZ0003`
        error: `<stdin>` is left as it is: 1 error
    "#]]
    .assert_eq(&pipe(&["fmt", "--stdin"], "a: [\n"));
    scratch.check(
        &["fmt", "--stdin", "app.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: the argument '--stdin' cannot be used with '[FILE]...'

        Usage: uzel fmt --stdin [FILE]...

        For more information, try '--help'.
    "#]],
    );
}
