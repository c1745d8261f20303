//! Files that a template includes: what they see, what they leave, and where their mistakes are.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::expect;

use super::{Diagnostics, Template, TypeScope, scope};
use crate::{
    diagnostic::{Code, Diagnostic},
    expr::Load,
    schema::Type,
    source::{Sources, Span},
    yaml::Text,
};

/// Parses the file `main` of a table, and tells what became of it.
fn report(files: &[(&str, &str)]) -> String {
    let table: BTreeMap<&str, &str> = files.iter().copied().collect();
    let mut sources = Sources::default();
    let mut read = |path: &str| table.get(path).map(|text| Text::whole((*text).into(), sources.add_text(path, *text)));
    let main = read("main").unwrap();
    let mut load = |path: &str, at: Span, out: &mut Diagnostics| {
        let text = read(path);
        if text.is_none() {
            out.push(Diagnostic::new(Code::FILE_UNREADABLE, at, format!("`{path}` is not there")));
        }
        text
    };
    let load: &mut Load<'_> = &mut load;
    let mut out = Diagnostics::default();
    let template = Template::parse_with(&main, load, &mut out);
    let mut report = String::new();
    if let Some(template) = template {
        let types = TypeScope::new()
            .with(
                "order",
                Type::object([("id", Type::String), ("lines", Type::list(Type::object([("n", Type::Integer)])))]),
                None,
            )
            .with("name", Type::String, None);
        template.infer(&types, &mut out);
        let roots: Vec<String> = template
            .references()
            .iter()
            .map(|r| format!("{}:{}@{}", r.root, r.path.join("."), sources.position(r.span)))
            .collect();
        match template.render(&scope()) {
            Ok(text) => writeln!(report, "{text:?}").unwrap(),
            Err(failure) => writeln!(report, "FAILS {failure}").unwrap(),
        }
        writeln!(report, "refers to {}", roots.join(" ")).unwrap();
    }
    for d in &out {
        let at = d.at.map(|at| format!("{} [{}]", sources.position(at), sources.text(at))).unwrap_or_default();
        writeln!(report, "{} {at} {}", d.code, d.message).unwrap();
    }
    report
}

#[test]
fn a_file_stands_where_it_is_included() {
    let files = [
        ("main", "To {{ name }}:\n{% include \"parts/tone.md\" %}\nYours{% include 'end.md' %}"),
        ("parts/tone.md", "Be {% include \"end.md\" %} about {{ order.id }}.\n"),
        ("end.md", "kind\n\n"),
    ];
    expect![[r#"
        "To Łucja:\nBe kind\n about A-1.\nYourskind\n"
        refers to name:@main:1:7 order:id@parts/tone.md:1:36
    "#]]
    .assert_eq(&report(&files));
}

#[test]
fn a_file_sees_what_is_around_it_and_leaves_nothing() {
    let files = [
        (
            "main",
            "{% set x = 1 %}{% for line in order.lines %}{% include \"line.md\" %};{% endfor %}{{ x }}\
             {% macro m(a) %}{% include 'macro.md' %}{% endmacro %}{{ m('b') }}",
        ),
        ("line.md", "{{ loop.index }} {{ line.n + x }}{% set x = 5 %}{{ x }}"),
        ("macro.md", "{{ a }}{{ name }}"),
    ];
    expect![[r#"
        "1 35;2 25;1bŁucja"
        refers to order:lines@main:1:31 name:@macro.md:1:11
    "#]]
    .assert_eq(&report(&files));
}

#[test]
fn spaces_are_cut_where_the_marks_say_so() {
    let files = [
        ("main", "a  {%- include 'x' -%}  b {% raw %}{% include 'y' %}{% endraw %}{# {% include 'z' %} #}"),
        ("x", " x \n"),
    ];
    expect![[r#"
        "a x b {% include 'y' %}"
        refers to 
    "#]]
    .assert_eq(&report(&files));
}

#[test]
fn mistakes_are_told_in_the_file_that_has_them() {
    let files = [
        ("main", "{% for line in order.lines %}{% include 'a' %}{% endfor %}{% include 'gone' %}"),
        ("a", "ł {{ line.m }}\n{{ order.idd }}"),
    ];
    expect![[r"
        UZ0013 main:1:70 ['gone'] `gone` is not there
    "]]
    .assert_eq(&report(&files));
    let files = [files[0], files[1], ("gone", "{{ line }} {{ order.id - 1 }}")];
    expect![[r"
        FAILS code: `line.m` is undefined
        refers to order:lines@main:1:16 order:idd@a:2:4 line:@gone:1:4 order:id@gone:1:15
        UZ2004 a:1:11 [m] `line` has no field `m`
        UZ2004 a:2:10 [idd] `order` has no field `idd`
        UZ1005 gone:1:4 [line] there is no node or root `line`
        UZ2005 gone:1:15 [order.id - 1] `-` cannot take `order.id` (string) and 1
    "]]
    .assert_eq(&report(&files));
}

#[test]
fn each_file_is_a_template_by_itself() {
    let files = [
        ("main", "{% include 'if' %}x{% include 'endif' %}${{ name }}"),
        ("if", "{% if name %}"),
        ("endif", "{% endif %} ${{ name }}"),
    ];
    expect![[r#"
        UZ2002 main:1:41 [${{] `${{ }}` is for values; a prompt has `{{ }}`
        UZ2001 if:1:4 [if] `{% if %}` is not closed
        UZ2002 endif:1:13 [${{] `${{ }}` is for values; a prompt has `{{ }}`
        UZ2001 endif:1:4 [endif] this cannot be read: unknown statement endif
    "#]]
    .assert_eq(&report(&files));
}

#[test]
fn files_that_never_end_are_refused() {
    let circle = [("main", "{% include 'main' %}")];
    expect![[r"
        UZ0030 main:1:12 ['main'] `main` includes itself
    "]]
    .assert_eq(&report(&circle));
    let names: Vec<String> = (0..30).map(|n| format!("f{n}")).collect();
    let texts: Vec<String> =
        (0..30).map(|n| format!("{{% include 'f{}' %}}{{% include 'f{}' %}}", n + 1, n + 1)).collect();
    let deep: Vec<(&str, &str)> = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut deep: Vec<(&str, &str)> = deep.into_iter().chain([("main", "{% include 'f10' %}"), ("f30", "x")]).collect();
    let told = report(&deep);
    assert!(told.starts_with("UZ0030 f29:1:12 ['f30'] more than 20 files include each other"), "{told}");
    // Twenty levels that double: a million times the last file.
    let long = "y".repeat(1_000);
    deep.retain(|(name, _)| *name != "main");
    deep.extend([("main", "{% include 'f12' %}"), ("f30", long.as_str())]);
    let told = report(&deep);
    assert!(told.contains("the template becomes longer than 1000000 bytes"), "{told}");
}
