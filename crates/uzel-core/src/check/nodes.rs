//! Each node by itself: its common keys, its kind's check, its programs.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::{App, Check, ROOTS, bodies::DraftPlan, is_name, joins, labels, limits, sections, split};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    document::{Common, Defaults, Limits},
    expr::{Binding, Expression},
    graph::{
        Declared, Input, Join, Later, Policy, Program,
        facts::{Facts, Noted},
    },
    kind::KindDef,
    schema::Type,
    source::Span,
    yaml::{self, Data, Entry, Text, Tree},
};

/// A node that has been looked at by itself.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) at: Span,
    pub(super) kind: KindDef,
    pub(super) description: String,
    pub(super) labels: IndexMap<String, String>,
    pub(super) config: Tree,
    pub(super) needs: Vec<Text>,
    pub(super) when: Option<Expression>,
    pub(super) inputs: Vec<Input>,
    pub(super) output: Option<Type>,
    pub(super) ways: Vec<(String, Vec<Text>)>,
    pub(super) later: Option<Later>,
    pub(super) on_error: DraftReaction,
    pub(super) on_block: DraftReaction,
    pub(super) policy: Policy,
    pub(super) limits: Limits,
    pub(super) facts: Facts,
    pub(super) noted: Noted,
    pub(super) join: Join,
    /// Where `join` is written.
    pub(super) join_at: Option<Span>,
    pub(super) plan: Option<DraftPlan>,
}

/// A reaction whose node is still a name.
pub(super) enum DraftReaction {
    /// Nothing is written.
    Unset,
    Fail,
    Skip,
    Use(Binding),
    Run(Text),
    Stop(Binding),
}

impl App<'_, '_> {
    /// The nodes that can be looked at further, and names that are no mistake although they are not among them.
    pub(super) fn drafts(
        &mut self,
        entries: &[Entry],
        declared: &Declared,
        defaults: Option<&Defaults>,
    ) -> (IndexMap<String, Draft>, BTreeSet<String>) {
        let (mut drafts, mut unclear) = (IndexMap::new(), BTreeSet::new());
        for entry in entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
            if !self.check_id(&entry.key) {
                // For an expression `check-reply` is `check` minus `reply`.
                unclear.extend(entry.key.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).map(str::to_owned));
            }
            match self.draft(entry, declared, defaults) {
                Some(draft) => drop(drafts.insert(draft.id.clone(), draft)),
                None => drop(unclear.insert(entry.key.as_str().to_owned())),
            }
        }
        (drafts, unclear)
    }

    /// Whether the name can be used; if not, that is reported.
    pub(super) fn check_id(&mut self, key: &Text) -> bool {
        let id = key.as_str();
        if !is_name(id) {
            let rules = "a name has letters, digits and `_`, at most 64, and does not begin with a digit";
            let better = id.replace(['-', ' ', '.'], "_");
            let fits = better.len() <= 64
                && better.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
                && better.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            let help = if fits { format!("write `{better}`: {rules}") } else { rules.to_owned() };
            self.out.push(
                Diagnostic::new(Code::BAD_NODE_ID, key.span, format!("`{id}` is not a name that expressions can use"))
                    .help(help),
            );
            return false;
        } else if ROOTS.contains(&id) {
            self.out.push(
                Diagnostic::new(
                    Code::SHADOWS_ROOT,
                    key.span,
                    format!("a node cannot be called `{id}`: expressions use that name"),
                )
                .help(format!("call it `{id}_node` or, better, what it does")),
            );
        }
        true
    }

    fn kind(&mut self, entry: &Entry, common: &Common) -> Option<KindDef> {
        let names = || self.catalog.kinds.iter().map(|kind| kind.name);
        let Some(text) = &common.kind else {
            if common_failed(entry) {
                return None;
            }
            let message = format!("the node `{}` has no `kind`", entry.key.as_str());
            let help = format!("add `kind:` with one of {}", names().collect::<Vec<_>>().join(", "));
            self.out.push(Diagnostic::new(Code::MISSING_KEY, entry.key.span, message).help(help));
            return None;
        };
        let kind = self.catalog.kind(text.as_str());
        if kind.is_none() {
            if let Some(later) = sections::kind_of_later(text) {
                self.out.push(later);
                return None;
            }
            let help = did_you_mean(text.as_str(), names())
                .unwrap_or_else(|| format!("known are {}", names().collect::<Vec<_>>().join(", ")));
            let message = format!("there is no kind `{}`", text.as_str());
            self.out.push(Diagnostic::new(Code::UNKNOWN_KIND, text.span, message).help(help));
        }
        kind
    }

    pub(super) fn draft(&mut self, entry: &Entry, declared: &Declared, defaults: Option<&Defaults>) -> Option<Draft> {
        if entry.value.as_map().is_none() {
            let message = format!("the node `{}` must be a map with a `kind`", entry.key.as_str());
            let help = format!("write `{}: {{ kind: llm, … }}`", entry.key.as_str());
            let at = if entry.value.is_null() { entry.key.span } else { entry.value.span };
            self.out.push(Diagnostic::new(Code::WRONG_SHAPE, at, message).help(help));
            return None;
        }
        let named = entry.value.get("kind").and_then(Tree::as_str).and_then(|name| self.catalog.kind(name));
        let (common, config) = split(&entry.value, named);
        let (read, _) = yaml::partly_from_tree::<Common>(&common, self.out);
        limits::retry(common.get("retry"), self.out);
        limits::time("timeout", common.get("timeout"), self.out);
        limits::limits(common.get("limits"), self.out);
        let common = read.unwrap_or_default();
        let kind = self.kind(entry, &common);
        let when = common.when.as_ref().and_then(|tree| condition(tree, self.out));
        let labels = labels::read(common.labels.as_ref(), self.out);
        let join = joins::read(common.join.as_ref(), self.out);
        let on_error = reaction("on_error", common.on_error.as_ref(), self.out);
        let on_block = reaction("on_block", common.on_block.as_ref(), self.out);
        let kind = kind?;
        let config = sections::known_keys(kind, config, self.out);
        let timeout = common.timeout.or(defaults.and_then(|d| d.timeout)).map(|text| text.0);
        let retry = common.retry.or_else(|| defaults.and_then(|d| d.retry.clone())).unwrap_or_default();
        let mut cx = Check::new(self.out, declared, self.reader, timeout);
        let ports = (kind.check)(&config, &mut cx);
        let mut inputs = std::mem::take(&mut cx.inputs);
        let mut ports = ports.unwrap_or_default();
        let plan = ports.plan.take().and_then(|sketch| self.plan(sketch, &mut inputs, declared, defaults));
        Some(Draft {
            id: entry.key.as_str().to_owned(),
            at: entry.key.span,
            kind,
            description: common.description.map(|text| text.as_str().to_owned()).unwrap_or_default(),
            labels,
            config,
            // A stand-in for what is no name has no characters.
            needs: common.needs.into_iter().filter(|name| !name.is_empty()).collect(),
            when,
            inputs,
            output: ports.output,
            ways: ports.ways,
            later: ports.later,
            on_error,
            on_block,
            policy: Policy { retry, timeout },
            limits: common.limits.unwrap_or_default(),
            facts: ports.facts,
            noted: Noted {
                effect: ports.effect,
                gate: ports.gate,
                retry: entry.value.get("retry").map(|tree| tree.span),
                waivers: common.waive,
            },
            join,
            join_at: common.join.map(|tree| tree.span),
            plan,
        })
    }
}

/// Whether the node's `kind` is there but was not readable, which has been reported.
fn common_failed(entry: &Entry) -> bool {
    entry.value.get("kind").is_some()
}

/// `when` as an expression; a constant is one too.
fn condition(tree: &Tree, out: &mut Diagnostics) -> Option<Expression> {
    match &tree.data {
        Data::Text(text) => Expression::parse(text, out),
        Data::Bool(value) => Expression::parse(&Text::synthetic(value.to_string(), tree.span), out),
        _ => {
            let message = "`when` must be an expression, such as `order.total > 100`";
            out.push(Diagnostic::new(Code::WRONG_SHAPE, tree.span, message));
            None
        }
    }
}

fn reaction(key: &str, tree: Option<&Tree>, out: &mut Diagnostics) -> DraftReaction {
    let Some(tree) = tree else { return DraftReaction::Unset };
    let stop = key == "on_block";
    let parsed = match &tree.data {
        Data::Text(text) if text.as_str() == "fail" => Some(DraftReaction::Fail),
        Data::Text(text) if text.as_str() == "skip" => Some(DraftReaction::Skip),
        Data::Map(entries) => match *entries.iter().filter(|entry| !entry.key.starts_with("x-")).collect::<Vec<_>>() {
            [entry] => match (entry.key.as_str(), &entry.value.data) {
                ("use", _) => Binding::parse(&entry.value, out).map(DraftReaction::Use),
                ("run", Data::Text(text)) => Some(DraftReaction::Run(text.clone())),
                ("stop", Data::Text(_)) if stop => Binding::parse(&entry.value, out).map(DraftReaction::Stop),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    parsed.unwrap_or_else(|| {
        let ways = if stop { ", `{ stop: TEXT }`" } else { "" };
        let message = match tree.as_str() {
            Some(word) => format!("`{key}` cannot be `{word}`"),
            None => format!("`{key}` cannot be read"),
        };
        out.push(
            Diagnostic::new(Code::UNKNOWN_VALUE, tree.span, message)
                .help(format!("write `fail`, `skip`, `{{ use: VALUE }}`{ways} or `{{ run: NODE }}`")),
        );
        DraftReaction::Fail
    })
}

impl Draft {
    /// Everything in the node that refers to something: place, and what is referred to.
    pub(super) fn references(&self) -> impl Iterator<Item = &crate::expr::Reference> {
        let reactions = [&self.on_error, &self.on_block].into_iter().filter_map(|reaction| match reaction {
            DraftReaction::Use(binding) | DraftReaction::Stop(binding) => Some(binding.references()),
            _ => None,
        });
        let inputs = self.inputs.iter().map(|input| Program::references(&input.program));
        let outward = self.plan.iter().map(DraftPlan::outward);
        self.when.iter().map(Expression::references).chain(inputs).chain(reactions).chain(outward).flatten()
    }
}
