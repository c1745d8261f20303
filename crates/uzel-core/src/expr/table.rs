//! Every filter, test and function that exists, with its types. What is not here is removed from the engine.

/// What a filter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Anything.
    Any,
    /// A text; numbers are printed first.
    Text,
    /// A number.
    Number,
    /// A list, a map or a text.
    Several,
    /// A list.
    List,
    /// A map.
    Map,
}

/// What a filter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// Nothing is known.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// What it took.
    Same,
    /// What it took the other way round; of a map the names of its fields.
    Reversed,
    /// A list of what it took.
    SameList,
    /// An item of what it took, or nothing.
    Item,
    /// A list of texts.
    Texts,
    /// A list of anything.
    Anys,
    /// What it took without null, or the first argument.
    Default,
    /// The sum of the items.
    Sum,
}

/// One filter.
pub(super) struct Filter {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) gives: Gives,
}

const fn filter(name: &'static str, takes: Takes, gives: Gives) -> Filter {
    Filter { name, takes, gives }
}

/// All filters.
pub(super) const FILTERS: &[Filter] = &[
    filter("abs", Takes::Number, Gives::Same),
    filter("batch", Takes::Several, Gives::Anys),
    filter("bool", Takes::Any, Gives::Boolean),
    filter("capitalize", Takes::Text, Gives::Text),
    filter("count", Takes::Several, Gives::Integer),
    filter("d", Takes::Any, Gives::Default),
    filter("default", Takes::Any, Gives::Default),
    filter("dictsort", Takes::Map, Gives::Anys),
    filter("first", Takes::Several, Gives::Item),
    filter("float", Takes::Any, Gives::Number),
    filter("from_json", Takes::Text, Gives::Any),
    filter("groupby", Takes::List, Gives::Anys),
    filter("indent", Takes::Text, Gives::Text),
    filter("int", Takes::Any, Gives::Integer),
    filter("items", Takes::Map, Gives::Anys),
    filter("join", Takes::Several, Gives::Text),
    filter("last", Takes::Several, Gives::Item),
    filter("length", Takes::Several, Gives::Integer),
    filter("lines", Takes::Text, Gives::Texts),
    filter("list", Takes::Several, Gives::SameList),
    filter("lower", Takes::Text, Gives::Text),
    filter("map", Takes::Several, Gives::Anys),
    filter("max", Takes::Several, Gives::Item),
    filter("min", Takes::Several, Gives::Item),
    filter("reject", Takes::Several, Gives::SameList),
    filter("rejectattr", Takes::List, Gives::SameList),
    filter("replace", Takes::Text, Gives::Text),
    filter("reverse", Takes::Several, Gives::Reversed),
    filter("round", Takes::Number, Gives::Number),
    filter("select", Takes::Several, Gives::SameList),
    filter("selectattr", Takes::List, Gives::SameList),
    filter("slice", Takes::Several, Gives::Anys),
    filter("sort", Takes::Several, Gives::SameList),
    filter("split", Takes::Text, Gives::Texts),
    filter("string", Takes::Any, Gives::Text),
    filter("sum", Takes::List, Gives::Sum),
    filter("title", Takes::Text, Gives::Text),
    filter("tojson", Takes::Any, Gives::Text),
    filter("trim", Takes::Text, Gives::Text),
    filter("unique", Takes::Several, Gives::SameList),
    filter("upper", Takes::Text, Gives::Text),
];

/// The engine's filters that mean nothing here: HTML escapes, debugging, and a second way to do one thing.
pub(super) const REMOVED_FILTERS: &[&str] = &["safe", "escape", "e", "attr", "chain", "zip", "pprint", "format"];

/// All tests.
pub(super) const TESTS: &[&str] = &[
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// The engine's tests that mean nothing here.
pub(super) const REMOVED_TESTS: &[&str] = &["safe", "escaped", "filter", "test", "sameas"];

/// All functions. `namespace` is not among them: with it a loop could nest a value without bound.
pub(super) const FUNCTIONS: &[&str] = &["dict", "range"];

/// The engine's functions that are not offered.
pub(super) const REMOVED_FUNCTIONS: &[&str] = &["debug", "namespace"];

/// The filter of a name.
pub(super) fn find_filter(name: &str) -> Option<&'static Filter> {
    FILTERS.iter().find(|filter| filter.name == name)
}

/// Methods that people know from Python, and the filter that does it.
pub(super) fn filter_for_method(method: &str) -> Option<&'static str> {
    Some(match method {
        "upper" => "upper",
        "lower" => "lower",
        "title" => "title",
        "capitalize" => "capitalize",
        "strip" | "trim" => "trim",
        "replace" => "replace",
        "split" => "split",
        "splitlines" => "lines",
        "join" => "join",
        "items" => "items",
        "get" => "default",
        "keys" => "list",
        "length" | "len" | "count" => "length",
        _ => return None,
    })
}
