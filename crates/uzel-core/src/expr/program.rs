//! A piece of text that was parsed: its references, how it runs, and its place for errors.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use minijinja::{
    Environment, Error, Expression as Compiled, Value as Seen,
    machinery::{
        Token, Tokenizer,
        ast::{Expr, Stmt},
        parse, parse_expr,
    },
    syntax::SyntaxConfig,
};

use super::{
    Reference, Scope,
    assembled::{Assembled, Load},
    engine::{self, Bounded, ENGINE},
    lazy::Unfit,
    prepare::{Prepared, SOURCE_LIMIT, prepare, tokens},
    survey::Survey,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    failure::{Failure, FailureClass},
    source::Span,
    yaml::Text,
};

/// The name templates are compiled under; each has an engine of its own, which shares all but the template.
pub(super) const NAME: &str = "template";

/// A parsed expression or template.
pub(super) struct Program {
    text: Assembled,
    pub(super) references: Vec<Reference>,
    prepared: Prepared,
    bare: bool,
    /// Made when it is first needed: it takes more memory than all else of a program, and most that are read are not run.
    code: OnceLock<Result<Compiling, String>>,
}

enum Compiling {
    Expression(Box<Compiled<'static, 'static>>),
    Template(Box<Environment<'static>>),
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source())
    }
}

impl Program {
    /// Parses the expression in a range of a text.
    pub(super) fn expression(text: &Text, range: Range<usize>, out: &mut Diagnostics) -> Option<Arc<Self>> {
        let source = Assembled::part(text, range);
        if source.source().len() > SOURCE_LIMIT {
            let message = format!("this is longer than {SOURCE_LIMIT} bytes");
            out.push(Diagnostic::new(Code::EXPRESSION_SYNTAX, text.span, message));
            return None;
        }
        Self::new(source, true, out)
    }

    /// Parses a whole text as a template, with the files that it includes.
    pub(super) fn template(text: &Text, load: &mut Load<'_>, out: &mut Diagnostics) -> Option<Arc<Self>> {
        Self::new(Assembled::template(text, load, out)?, false, out)
    }

    fn new(text: Assembled, bare: bool, out: &mut Diagnostics) -> Option<Arc<Self>> {
        let source = text.source();
        let at = |bytes: Range<usize>| text.at(bytes);
        let spots = match tokens(source, bare) {
            Ok(spots) => spots,
            Err((place, message)) => {
                out.push(Diagnostic::new(Code::EXPRESSION_SYNTAX, at(place), message));
                return None;
            }
        };
        let mut survey = Survey::default();
        let parsed = if bare {
            parse_expr(source).map(|expr| survey.expr(&expr))
        } else {
            parse(source, NAME, SyntaxConfig::default()).map(|template| survey.statement(&template))
        };
        if let Err(error) = parsed {
            out.push(syntax(&error, source, at));
            return None;
        }
        let problems = std::mem::take(&mut survey.problems);
        let broken = !problems.is_empty();
        for problem in problems {
            out.push(Diagnostic::new(problem.code, at(problem.at), problem.message).maybe_help(problem.help));
        }
        if broken {
            return None;
        }
        let prepared = prepare(source, &spots, bare, &survey);
        let ready = if prepared.source == source { Ok(()) } else { parses(&prepared.source, bare) };
        if let Err(error) = ready {
            out.push(syntax(&error, source, |_| at(0..source.len())));
            return None;
        }
        let references = survey.references.into_iter();
        let references =
            references.map(|found| Reference { root: found.root, path: found.path, span: at(found.at) }).collect();
        Some(Arc::new(Self { text, references, prepared, bare, code: OnceLock::new() }))
    }

    /// The source, with what it includes.
    pub(super) fn source(&self) -> &str {
        self.text.source()
    }

    /// The place of bytes of the source.
    pub(super) fn at(&self, bytes: Range<usize>) -> Span {
        self.text.at(bytes)
    }

    /// Runs a checker over the syntax tree of an expression.
    pub(super) fn with_expression<R>(&self, check: impl FnOnce(&Expr<'_>) -> R) -> Option<R> {
        parse_expr(self.source()).ok().map(|expr| check(&expr))
    }

    /// Runs a checker over the syntax tree of a template.
    pub(super) fn with_template<R>(&self, check: impl FnOnce(&Stmt<'_>) -> R) -> Option<R> {
        parse(self.source(), NAME, SyntaxConfig::default()).ok().map(|template| check(&template))
    }

    fn code(&self) -> Result<&Compiling, Failure> {
        let made =
            self.code.get_or_init(|| compile(&self.prepared.source, self.bare).map_err(|error| error.to_string()));
        made.as_ref().map_err(|why| {
            let message = format!("what could be parsed cannot be compiled: {why}");
            Failure::new(FailureClass::Bug, message)
        })
    }

    /// Evaluates an expression to a value of the engine.
    fn seen(&self, scope: &Scope) -> Result<Seen, Failure> {
        match self.code()? {
            Compiling::Expression(compiled) => compiled.eval(scope.context()).map_err(|error| self.failed(&error)),
            Compiling::Template(_) => self.render(scope).map(Seen::from),
        }
    }

    /// Evaluates an expression.
    pub(super) fn value(&self, scope: &Scope) -> Result<serde_json::Value, Failure> {
        let seen = self.seen(scope)?;
        super::lazy::to_json(&seen, engine::VALUE_LIMIT).map_err(|unfit| self.unfit(unfit))
    }

    /// Whether the value of an expression counts as true.
    pub(super) fn holds(&self, scope: &Scope) -> Result<bool, Failure> {
        self.seen(scope).map(|seen| seen.is_true())
    }

    /// Evaluates an expression to a piece of a text.
    pub(super) fn printed(&self, scope: &Scope) -> Result<String, Failure> {
        engine::print(&self.seen(scope)?).map_err(|unfit| self.unfit(unfit))
    }

    /// Renders a template.
    pub(super) fn render(&self, scope: &Scope) -> Result<String, Failure> {
        let Compiling::Template(engine) = self.code()? else { return self.printed(scope) };
        let mut written = Bounded::default();
        let rendered = engine
            .get_template(NAME)
            .and_then(|template| template.render_captured_to(scope.context(), &mut written).map(|_| ()));
        rendered.map_err(|error| self.failed(&error))?;
        String::from_utf8(written.0)
            .map_err(|_| Failure::new(FailureClass::Bug, "the engine wrote a text that is not UTF-8"))
    }

    fn unfit(&self, unfit: Unfit) -> Failure {
        engine::unfit(unfit, &excerpt(self.source()))
    }

    fn failed(&self, error: &Error) -> Failure {
        let range = error.range().map(|range| self.prepared.original(range));
        let part = range.and_then(|range| self.source().get(range)).filter(|part| !part.trim().is_empty());
        engine::failure(error, &excerpt(part.unwrap_or(self.source())))
    }
}

/// Whether the engine could compile it: compiling fails only where parsing does.
fn parses(source: &str, bare: bool) -> Result<(), Error> {
    if bare { parse_expr(source).map(drop) } else { parse(source, NAME, SyntaxConfig::default()).map(drop) }
}

fn compile(source: &str, bare: bool) -> Result<Compiling, Error> {
    Ok(if bare {
        Compiling::Expression(Box::new(ENGINE.compile_expression_owned(source.to_owned())?))
    } else {
        let mut engine = ENGINE.clone();
        engine.add_template_owned(NAME, source.to_owned())?;
        Compiling::Template(Box::new(engine))
    })
}

/// Bytes of a part of a text as bytes of the text, within the part.
pub(super) fn clip(bytes: Range<usize>, within: &Range<usize>) -> Range<usize> {
    let start = (within.start + bytes.start).min(within.end);
    start..(within.start + bytes.end).clamp(start, within.end)
}

/// One line, and not all of a long one.
fn excerpt(source: &str) -> String {
    const MOST: usize = 80;
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST {
        return line;
    }
    let cut: String = line.chars().take(MOST - 1).collect();
    format!("{cut}…")
}

/// What the parser says, for people.
pub(super) fn syntax(error: &Error, source: &str, at: impl Fn(Range<usize>) -> Span) -> Diagnostic {
    let mut place = error.range().unwrap_or(0..source.len());
    if place.start >= source.len() {
        // At the end there is nothing to point at.
        place = 0..source.len();
    }
    if error.range().is_none_or(|range| range.end >= source.trim_end().len())
        && let Some((name, opened)) = unclosed(source)
    {
        let message = format!("`{{% {name} %}}` is not closed");
        let help = format!("add `{{% end{name} %}}` where it ends");
        return Diagnostic::new(Code::EXPRESSION_SYNTAX, at(opened), message).help(help);
    }
    if source.get(place.start..).is_some_and(|rest| rest.starts_with('=') && !rest.starts_with("==")) {
        let message = "`=` does not compare";
        return Diagnostic::new(Code::EXPRESSION_SYNTAX, at(place), message).help("write `==`");
    }
    let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let why = why.replace("end of variable block", "`}}`").replace("end of block", "`%}`");
    let diagnostic = Diagnostic::new(Code::EXPRESSION_SYNTAX, at(place), format!("this cannot be read: {why}"));
    diagnostic.maybe_help(syntax_help(source))
}

/// The innermost block of a template that has no end, and its name's place.
fn unclosed(source: &str) -> Option<(&str, Range<usize>)> {
    const BLOCKS: [&str; 6] = ["if", "for", "with", "filter", "macro", "call"];
    let mut tokenizer = Tokenizer::new(source, NAME, false, SyntaxConfig::default());
    let mut open: Vec<(&str, Range<usize>)> = vec![];
    let mut begins = false;
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        if let (true, Token::Ident(name)) = (begins, &token) {
            match name.strip_prefix("end") {
                Some(ended) if open.last().is_some_and(|(name, _)| *name == ended) => drop(open.pop()),
                _ if BLOCKS.contains(name) => {
                    open.push((*name, span.start_offset as usize..span.end_offset as usize));
                }
                _ => {}
            }
        }
        begins = matches!(token, Token::BlockStart);
    }
    open.pop()
}

/// What people write who come from other languages.
fn syntax_help(source: &str) -> Option<String> {
    let known = [("&&", "and"), ("||", "or"), ("===", "=="), ("??", "or"), ("?.", "."), ("!", "not ")];
    let (wrong, right) = known.into_iter().find(|(wrong, _)| source.replace("!=", "").contains(wrong))?;
    Some(format!("write `{}` instead of `{wrong}`", right.trim()))
}
