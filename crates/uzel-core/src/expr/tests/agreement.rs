//! Inference and evaluation agree: where nothing is called an error, a value is of the type that was said, or the
//! evaluation fails. Random types, values of them, and expressions over them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Binding, Diagnostics, Expression, Scope, Template, TypeScope, loose, tree};
use crate::{
    diagnostic::Severity,
    failure::FailureClass,
    schema::{Field, ObjectType, Type},
};

/// A small generator: the same seed gives the same case.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const FIELDS: [&str; 5] = ["id", "n", "note", "lines", "on"];

fn random_type(dice: &mut Dice, depth: usize) -> Type {
    let ty = match dice.below(if depth == 0 { 6 } else { 9 }) {
        0 => Type::String,
        1 => Type::Integer,
        2 => Type::Number,
        3 => Type::Boolean,
        4 => Type::texts(["red", "green"]),
        5 => Type::Enum(vec![json!(1), json!(2)]),
        6 => Type::list(random_type(dice, depth - 1)),
        _ => {
            let mut object = ObjectType { open: dice.chance(10), ..ObjectType::default() };
            for name in FIELDS {
                if dice.chance(60) {
                    let required = dice.chance(80);
                    let field = Field { required, ..Field::required(random_type(dice, depth - 1)) };
                    object.fields.insert(name.to_owned(), field);
                }
            }
            Type::Object(Arc::new(object))
        }
    };
    match dice.below(10) {
        0 => ty.or_null(),
        1 => Type::union(ty, random_type(dice, 0)),
        _ => ty,
    }
}

fn random_value(dice: &mut Dice, ty: &Type) -> Value {
    match ty {
        Type::Any => [json!(1), json!("a"), Value::Null, json!({ "id": 1 })][dice.below(4)].clone(),
        Type::Null => Value::Null,
        Type::Boolean => json!(dice.chance(50)),
        Type::Integer => json!([0, 1, -3, 7, i64::MAX][dice.below(5)]),
        Type::Number => [json!(0.5), json!(-2.0), json!(3), json!(1e300)][dice.below(4)].clone(),
        Type::String => json!(dice.one(&["", "a", "Łx y", "12", "red", "{\"id\": 1}"])),
        Type::Enum(values) => values[dice.below(values.len())].clone(),
        Type::List(item) => (0..dice.below(4)).map(|_| random_value(dice, item)).collect(),
        Type::Union(members) => {
            let index = dice.below(members.len());
            random_value(dice, &members[index])
        }
        Type::Object(object) => {
            let mut map = Map::new();
            for (name, field) in &object.fields {
                if field.required || dice.chance(50) {
                    map.insert(name.clone(), random_value(dice, &field.ty));
                }
            }
            if object.open && dice.chance(50) {
                map.insert("more".to_owned(), json!("x"));
            }
            Value::Object(map)
        }
    }
}

/// A name or a field of one that is there, mostly.
fn path(dice: &mut Dice, types: &[(&str, Type)]) -> String {
    let (root, ty) = &types[dice.below(types.len())];
    let (mut written, mut ty) = ((*root).to_owned(), ty.without_null());
    for _ in 0..dice.below(4) {
        ty = match &ty {
            Type::Object(object) if !object.fields.is_empty() => {
                let (name, field) = object.fields.get_index(dice.below(object.fields.len())).unwrap();
                written += &if dice.chance(80) { format!(".{name}") } else { format!("['{name}']") };
                field.ty.without_null()
            }
            Type::List(item) => {
                written += dice.one(&["[0]", "[1]", "[-1]", ".0", "[a.n]", "[1:]", "[::-1]"]);
                item.without_null()
            }
            Type::String if dice.chance(20) => {
                written += dice.one(&["[0]", "[1:]", "[:2]"]);
                Type::String
            }
            _ => break,
        };
    }
    if dice.chance(2) { written + ".wrong" } else { written }
}

const FILTERS: &[&str] = &[
    "abs",
    "batch(2)",
    "bool",
    "capitalize",
    "count",
    "default('d')",
    "default(0)",
    "default(none, true)",
    "dictsort",
    "first",
    "float",
    "float(1)",
    "from_json",
    "groupby('n')",
    "indent(2)",
    "int",
    "int(0)",
    "items",
    "join(',')",
    "join",
    "join('-', attribute='n')",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map('upper')",
    "map(attribute='n')",
    "map('int')",
    "max",
    "min",
    "reject('none')",
    "rejectattr('on')",
    "replace('a', 'b')",
    "reverse",
    "round",
    "round(1)",
    "select",
    "select('string')",
    "selectattr('n')",
    "selectattr('n', '>', 1)",
    "slice(2)",
    "sort",
    "sort(attribute='n')",
    "split(',')",
    "split",
    "string",
    "sum",
    "sum(attribute='n')",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

const TESTS: &[&str] = &[
    "none",
    "defined",
    "string",
    "number",
    "integer",
    "mapping",
    "sequence",
    "odd",
    "divisibleby(2)",
    "in ['a', 1]",
    "true",
    "undefined",
    "iterable",
    "startingwith('a')",
    "eq(1)",
    "lower",
];

fn expression(dice: &mut Dice, types: &[(&str, Type)], depth: usize) -> String {
    if depth == 0 || dice.chance(15) {
        return match dice.below(8) {
            0 => dice.one(&["0", "1", "-2", "2.5", "10", "1e3"]).to_owned(),
            1 => dice.one(&["'a'", "''", "\"red\"", "'12'", "'Ł'"]).to_owned(),
            2 => dice.one(&["true", "false", "none"]).to_owned(),
            _ => path(dice, types),
        };
    }
    let part = |dice: &mut Dice| expression(dice, types, depth - 1);
    match dice.below(14) {
        0 | 1 => {
            let sign = dice.one(&["+", "-", "*", "/", "//", "%", "**", "~", "~"]);
            format!("({} {sign} {})", part(dice), part(dice))
        }
        2 => {
            let sign = dice.one(&["==", "!=", "<", "<=", ">", ">=", "in", "not in"]);
            format!("({} {sign} {})", part(dice), part(dice))
        }
        3 => format!("({} {} {})", part(dice), dice.one(&["and", "or"]), part(dice)),
        4 => format!("(not {})", part(dice)),
        5 => format!("(-{})", part(dice)),
        6..=8 => format!("({} | {})", part(dice), dice.one(FILTERS)),
        9 => format!("({} is {}{})", part(dice), dice.one(&["", "not "]), dice.one(TESTS)),
        10 => format!("({} if {} else {})", part(dice), part(dice), part(dice)),
        11 => format!("({} if {})", part(dice), part(dice)),
        12 => format!("[{}, {}]", part(dice), part(dice)),
        _ => format!("{{'id': {}, 'n': {}}}", part(dice), part(dice)),
    }
}

fn template(dice: &mut Dice, types: &[(&str, Type)]) -> String {
    let part = |dice: &mut Dice| expression(dice, types, 2);
    let list = path(dice, types);
    match dice.below(6) {
        0 => format!("{{% for x in {list} %}}{{{{ loop.index ~ x }}}}{{% else %}}-{{% endfor %}}"),
        1 => format!("{{% if {} %}}{{{{ {} }}}}{{% elif {} %}}b{{% endif %}}", part(dice), part(dice), part(dice)),
        2 => format!("{{% set x = {} %}}{{{{ x }}}} {{{{ x | string }}}}", part(dice)),
        3 => format!("{{% for k, v in {list} | items %}}{{{{ k }}}}={{{{ v }}}}{{% endfor %}}"),
        4 => format!("{{% macro m(p, q=1) %}}[{{{{ p }}}}{{{{ q }}}}]{{% endmacro %}}{{{{ m({}) }}}}", part(dice)),
        _ => format!("a {{{{ {} }}}} b {{{{- {} -}}}} c", part(dice), part(dice)),
    }
}

struct Case {
    types: Vec<(&'static str, Type)>,
    known: TypeScope,
    values: Scope,
}

fn case(dice: &mut Dice) -> Case {
    let types: Vec<(&str, Type)> = ["a", "b", "c"].into_iter().map(|name| (name, random_type(dice, 3))).collect();
    let known = types.iter().fold(TypeScope::new(), |known, (name, ty)| known.with(*name, ty.clone(), None));
    let values = types.iter().fold(Scope::new(), |values, (name, ty)| {
        let value = random_value(dice, ty);
        assert!(ty.accepts_value(&value), "{value} is not {ty}");
        values.with(*name, Arc::new(value))
    });
    Case { types, known, values }
}

fn seen(values: &Scope) -> String {
    values.iter().fold(String::new(), |text, (name, value)| format!("{text}\n  {name} = {value}"))
}

fn errors(out: &Diagnostics) -> bool {
    out.iter().any(|d| d.severity == Severity::Error)
}

#[test]
fn what_is_inferred_is_what_comes_out() {
    let (mut accepted, mut told, mut gave) = (0, 0, 0);
    let mut wrong = vec![];
    for seed in 0..8_000_u64 {
        let mut dice = Dice(seed);
        let case = case(&mut dice);
        let source = expression(&mut dice, &case.types, 3);
        let mut out = Diagnostics::default();
        let parsed = Expression::parse(&loose(&source), &mut out);
        let parsed = parsed.unwrap_or_else(|| panic!("seed {seed}: {source} cannot be read: {out:?}"));
        let ty = parsed.infer(&case.known, &mut out);
        let result = parsed.evaluate(&case.values);
        let conditions = parsed.holds(&case.values);
        if errors(&out) {
            continue;
        }
        accepted += 1;
        told += usize::from(!ty.is_any());
        match result {
            Ok(value) => {
                gave += 1;
                if !ty.accepts_value(&value) || conditions != Ok(crate::expr::truthy(&value)) {
                    wrong.push(format!("{seed}: {source} is {value} ({conditions:?}), not {ty}{}", seen(&case.values)));
                }
            }
            Err(failure) => assert_ne!(failure.class, FailureClass::Bug, "seed {seed}: {source}: {failure}"),
        }
    }
    wrong.truncate(30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The test tests something: many expressions are sound, have a type, and give a value.
    assert!(accepted > 3_000 && told > 2_000 && gave > 2_000, "{accepted} {told} {gave}");
}

#[test]
fn templates_that_are_sound_give_texts_or_fail() {
    let mut gave = 0;
    for seed in 0..4_000_u64 {
        let mut dice = Dice(seed ^ 0x5eed);
        let case = case(&mut dice);
        let source = template(&mut dice, &case.types);
        let mut out = Diagnostics::default();
        let parsed = Template::parse(&loose(&source), &mut out);
        let parsed = parsed.unwrap_or_else(|| panic!("seed {seed}: {source} cannot be read: {out:?}"));
        parsed.infer(&case.known, &mut out);
        match parsed.render(&case.values) {
            Ok(text) => {
                gave += 1;
                let capital = ["title", "capitalize"].into_iter().any(|filter| source.contains(filter));
                let python = !capital && ["None", "True", "False"].into_iter().any(|word| text.contains(word));
                assert!(!python, "seed {seed}: {source} gives {text:?}{}", seen(&case.values));
            }
            Err(failure) => assert_ne!(failure.class, FailureClass::Bug, "seed {seed}: {source}: {failure}"),
        }
        let binding = Binding::parse(&tree(&format!("n: ${{{{ {} }}}}", path(&mut dice, &case.types))), &mut out);
        assert!(binding.is_some_and(|binding| binding.infer(&case.known, &mut out) == Type::String));
    }
    assert!(gave > 1_500, "{gave}");
}
