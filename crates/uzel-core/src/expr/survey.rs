//! One walk over a syntax tree: what it refers to, and what in it does not exist here.

use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CallType, Expr, Macro, Stmt};

use super::{
    place::{bytes, range},
    table,
};
use crate::diagnostic::{Code, did_you_mean};

/// A reference: the root, the fields after it that are plain names, and its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) root: String,
    pub(super) path: Vec<String>,
    pub(super) at: Range<usize>,
}

/// A thing to tell.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// What a walk found.
#[derive(Default)]
pub(super) struct Survey<'a> {
    pub(super) references: Vec<Found>,
    pub(super) problems: Vec<Problem>,
    /// Ends of `x if c` without `else`.
    pub(super) else_less: Vec<usize>,
    /// Operands of `~` that may be something else than texts.
    pub(super) joined: Vec<Range<usize>>,
    bound: Vec<&'a str>,
    /// Names of macros of other files, which are reported where they are imported.
    imported: Vec<&'a str>,
}

impl<'a> Survey<'a> {
    fn scoped(&mut self, walk: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        walk(self);
        self.bound.truncate(before);
    }

    fn bind(&mut self, target: &Expr<'a>) {
        match target {
            Expr::Var(var) => self.bound.push(var.id),
            Expr::List(list) => list.items.iter().for_each(|item| self.bind(item)),
            _ => {}
        }
    }

    fn problem(&mut self, code: Code, at: Range<usize>, message: String, help: Option<String>) {
        self.problems.push(Problem { code, at, message, help });
    }

    pub(super) fn statements(&mut self, statements: &[Stmt<'a>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    pub(super) fn statement(&mut self, statement: &Stmt<'a>) {
        match statement {
            Stmt::Template(s) => self.statements(&s.children),
            Stmt::EmitExpr(s) => self.expr(&s.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(s) => {
                self.expr(&s.iter);
                self.scoped(|this| {
                    this.bind(&s.target);
                    if let Some(filter) = &s.filter_expr {
                        this.expr(filter);
                    }
                    this.bound.push("loop");
                    this.statements(&s.body);
                });
                self.scoped(|this| this.statements(&s.else_body));
            }
            Stmt::IfCond(s) => {
                self.expr(&s.expr);
                self.statements(&s.true_body);
                self.statements(&s.false_body);
            }
            Stmt::WithBlock(s) => self.scoped(|this| {
                for (target, expr) in &s.assignments {
                    this.expr(expr);
                    this.bind(target);
                }
                this.statements(&s.body);
            }),
            Stmt::Set(s) => {
                self.expr(&s.expr);
                self.bind(&s.target);
            }
            Stmt::SetBlock(s) => {
                if let Some(filter) = &s.filter {
                    self.expr(filter);
                }
                self.scoped(|this| this.statements(&s.body));
                self.bind(&s.target);
            }
            Stmt::FilterBlock(s) => {
                self.expr(&s.filter);
                self.scoped(|this| this.statements(&s.body));
            }
            Stmt::Macro(s) => {
                self.bound.push(s.name);
                self.macro_body(s);
            }
            Stmt::CallBlock(s) => {
                self.call(&s.call, bytes(s.call_expr_span));
                self.macro_body(&s.macro_decl);
            }
            Stmt::Do(s) => self.call(&s.call, bytes(s.call.span())),
            Stmt::AutoEscape(s) => self.no_statement("autoescape", bytes(s.span())),
            Stmt::Block(s) => self.no_statement("block", bytes(s.span())),
            Stmt::Extends(s) => self.no_statement("extends", bytes(s.span())),
            Stmt::Import(s) => self.no_import("import", [&s.name], bytes(s.span())),
            Stmt::FromImport(s) => {
                let names = s.names.iter().map(|(name, alias)| alias.as_ref().unwrap_or(name));
                self.no_import("from", names, bytes(s.span()));
            }
            // An include was replaced by the file before the template was parsed.
            Stmt::Include(_) => {}
        }
    }

    fn no_statement(&mut self, name: &str, at: Range<usize>) {
        let message = format!("there is no `{{% {name} %}}` here");
        let help = "`for`, `if`, `set`, `with`, `filter`, `macro`, `call` and `include` exist".to_owned();
        self.problem(Code::EXPRESSION_SYNTAX, at, message, Some(help));
    }

    fn no_import<'e>(&mut self, name: &str, names: impl IntoIterator<Item = &'e Expr<'a>>, at: Range<usize>)
    where
        'a: 'e,
    {
        for name in names {
            if let Expr::Var(var) = name {
                self.bound.push(var.id);
                self.imported.push(var.id);
            }
        }
        let message = format!("there is no `{{% {name} %}}` here: macros of other files cannot be called");
        let help = "write the macro in this template, or put the text that it makes into a file and `include` that";
        self.problem(Code::EXPRESSION_SYNTAX, at, message, Some(help.to_owned()));
    }

    fn macro_body(&mut self, decl: &Macro<'a>) {
        decl.defaults.iter().for_each(|default| self.expr(default));
        self.scoped(|this| {
            decl.args.iter().for_each(|arg| this.bind(arg));
            this.bound.push("caller");
            this.statements(&decl.body);
        });
    }

    pub(super) fn expr(&mut self, expr: &Expr<'a>) {
        match expr {
            Expr::Var(_) => self.reference(expr),
            Expr::Const(_) => {}
            Expr::GetAttr(e) => {
                if path_of(expr).is_some() {
                    self.reference(expr);
                } else {
                    self.expr(&e.expr);
                }
            }
            Expr::GetItem(e) => {
                if path_of(expr).is_some() {
                    self.reference(expr);
                } else {
                    self.expr(&e.expr);
                    self.expr(&e.subscript_expr);
                }
            }
            Expr::Slice(e) => {
                self.expr(&e.expr);
                [&e.start, &e.stop, &e.step].into_iter().flatten().for_each(|part| self.expr(part));
            }
            Expr::UnaryOp(e) => self.expr(&e.expr),
            Expr::BinOp(e) => {
                self.expr(&e.left);
                self.expr(&e.right);
                if matches!(e.op, BinOpKind::Concat) {
                    let others = [&e.left, &e.right].into_iter().filter(|operand| !is_text(operand));
                    self.joined.extend(others.map(range));
                }
            }
            Expr::Compare(e) => {
                self.expr(&e.expr);
                e.ops.iter().for_each(|op| self.expr(&op.expr));
            }
            Expr::IfExpr(e) => {
                self.expr(&e.true_expr);
                self.expr(&e.test_expr);
                match &e.false_expr {
                    Some(other) => self.expr(other),
                    None => self.else_less.push(e.span().end_offset as usize),
                }
            }
            Expr::Filter(e) => {
                if let Some(inner) = &e.expr {
                    self.expr(inner);
                }
                self.filter_name(e.name, bytes(e.span()));
                self.names_in_filter(e.name, &e.args);
                self.args(&e.args);
            }
            Expr::Test(e) => {
                self.expr(&e.expr);
                self.test_name(e.name, bytes(e.span()));
                self.args(&e.args);
            }
            Expr::Call(e) => self.call(e, range(expr)),
            Expr::List(e) => e.items.iter().for_each(|item| self.expr(item)),
            Expr::Tuple(e) => e.items.iter().for_each(|item| self.expr(item)),
            Expr::Map(e) => e.keys.iter().chain(&e.values).for_each(|item| self.expr(item)),
        }
    }

    fn args(&mut self, args: &[CallArg<'a>]) {
        for arg in args {
            match arg {
                CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) | CallArg::KwargSplat(e) => self.expr(e),
            }
        }
    }

    fn call(&mut self, call: &Call<'a>, at: Range<usize>) {
        match call.identify_call() {
            CallType::Function(name) if self.bound.contains(&name) || table::find_function(name).is_some() => {}
            CallType::Function(name) => {
                let known = table::FUNCTIONS.iter().map(|function| function.name).chain(self.bound.iter().copied());
                let help = did_you_mean(name, known).or_else(|| {
                    table::find_filter(name).map(|_| format!("`{name}` is a filter: write `value | {name}`"))
                });
                self.problem(Code::UNKNOWN_FUNCTION, at, format!("there is no function `{name}`"), help);
            }
            CallType::Method(Expr::Var(var), "cycle" | "changed") if var.id == "loop" => {}
            CallType::Method(Expr::Var(var), _) if self.imported.contains(&var.id) => {}
            CallType::Method(value, name) => {
                self.expr(value);
                let help = table::filter_for_method(name).map(|filter| format!("write `| {filter}`"));
                let message = format!("values have no methods: there is no `.{name}()`");
                self.problem(Code::UNKNOWN_FUNCTION, at, message, help);
            }
            CallType::Block(name) => {
                self.problem(Code::UNKNOWN_FUNCTION, at, format!("there is no block `{name}`"), None);
            }
            CallType::Object(value) => {
                self.expr(value);
                self.problem(Code::UNKNOWN_FUNCTION, at, "a value cannot be called".to_owned(), None);
            }
        }
        self.args(&call.args);
    }

    fn filter_name(&mut self, name: &str, at: Range<usize>) {
        if table::find_filter(name).is_none() {
            let help = did_you_mean(name, table::FILTERS.iter().map(|f| f.name));
            let at = at.start..at.start + name.len();
            self.problem(Code::UNKNOWN_FUNCTION, at, format!("there is no filter `{name}`"), help);
        }
    }

    fn test_name(&mut self, name: &str, at: Range<usize>) {
        if table::find_test(name).is_none() {
            let help = did_you_mean(name, table::TESTS.iter().map(|test| test.name));
            let at = at.start..at.start + name.len();
            self.problem(Code::UNKNOWN_FUNCTION, at, format!("there is no test `{name}`"), help);
        }
    }

    /// `map("upper")` and `select("even")` name a filter or a test by a text.
    fn names_in_filter(&mut self, filter: &str, args: &[CallArg<'a>]) {
        let position = usize::from(matches!(filter, "selectattr" | "rejectattr"));
        let Some(CallArg::Pos(Expr::Const(named))) = args.get(position) else { return };
        let Some(name) = named.value.as_str() else { return };
        let at = bytes(named.span());
        let at = at.start + 1..at.end;
        match filter {
            "map" => self.filter_name(name, at),
            "select" | "reject" | "selectattr" | "rejectattr" => self.test_name(name, at),
            _ => {}
        }
    }

    fn reference(&mut self, expr: &Expr<'a>) {
        let Some((root, path)) = path_of(expr) else { return };
        if self.bound.contains(&root) {
            return;
        }
        let (root, path) = (root.to_owned(), path);
        if !self.references.iter().any(|found| found.root == root && found.path == path) {
            self.references.push(Found { root, path, at: range(expr) });
        }
    }
}

/// Whether an operand is a text whatever happens.
fn is_text(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Const(c) => c.value.as_str().is_some(),
        Expr::BinOp(e) => matches!(e.op, BinOpKind::Concat),
        _ => false,
    }
}

/// The root and the plain fields after it, if that is all an expression is.
pub(super) fn path_of<'a>(expr: &Expr<'a>) -> Option<(&'a str, Vec<String>)> {
    let mut path = vec![];
    let mut expr = expr;
    loop {
        match expr {
            Expr::Var(var) => {
                path.reverse();
                return Some((var.id, path));
            }
            Expr::GetAttr(e) => {
                path.push(e.name.to_owned());
                expr = &e.expr;
            }
            Expr::GetItem(e) => {
                let Expr::Const(key) = &e.subscript_expr else { return None };
                path.push(key.value.as_str().map_or_else(|| key.value.to_string(), str::to_owned));
                expr = &e.expr;
            }
            _ => return None,
        }
    }
}
