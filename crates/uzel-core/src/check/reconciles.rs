//! Whether each `reconcile` can tell what it is there to tell. Looked at when all tools are known.

use super::{App, typing::fits};
use crate::{
    capability::tool::EffectClass,
    diagnostic::{Code, Diagnostic, did_you_mean},
    graph::{Declaration, Declared, Input, Program},
    kind::{ToolDef, ToolPorts},
    reconcile::Probe,
    schema::Type,
};

impl App<'_, '_> {
    /// Checks the probes of all tools.
    pub(super) fn reconciles(&mut self, declared: &Declared) {
        for (name, tool) in &declared.tools {
            let Some(probe) = &tool.ports.reconcile else { continue };
            let at = probe.tool.span;
            if tool.ports.class != EffectClass::Once {
                let message = format!("`{name}` can be done again, so nobody has to find out whether it was done");
                let help = "remove `reconcile`, or write `effect: once`";
                self.out.push(Diagnostic::new(Code::BAD_RECONCILE, at, message).help(help));
            }
            match declared.tools.get(probe.tool.as_str()) {
                Some(asked) => self.reconcile(tool, probe, asked),
                None if declared.is_unclear("tools", probe.tool.as_str()) => {}
                None => {
                    let help = did_you_mean(probe.tool.as_str(), declared.tools.keys().map(String::as_str))
                        .unwrap_or_else(|| "declare it under `tools:` at the top level".to_owned());
                    let message = format!("there is no tool `{}`", probe.tool.as_str());
                    self.out.push(Diagnostic::new(Code::UNKNOWN_NAME, at, message).help(help));
                }
            }
        }
    }

    fn reconcile(
        &mut self,
        tool: &Declaration<ToolDef, ToolPorts>,
        probe: &Probe,
        asked: &Declaration<ToolDef, ToolPorts>,
    ) {
        if asked.ports.class != EffectClass::Read {
            let message = format!("`{}` may write, and a probe must only read", probe.tool.as_str());
            let help = "name a tool with `effect: read`, such as one that lists what was done";
            self.out.push(Diagnostic::new(Code::BAD_RECONCILE, probe.tool.span, message).help(help));
        }
        let mut types = Probe::types(&tool.ports.params.ty);
        let given = probe.with.infer(&types, self.out);
        let fields = probe.written.iter().flat_map(|tree| tree.as_map().unwrap_or_default());
        let input = Input {
            name: "with".to_owned(),
            program: Program::Binding(probe.with.clone()),
            expect: Some((asked.ports.params.ty.clone(), "the tool")),
            at: probe.written.as_ref().map_or(probe.tool.span, |tree| tree.span),
            fields: fields.map(|entry| (entry.key.as_str().to_owned(), entry.key.span)).collect(),
            nullable: true,
            found: Type::Any,
        };
        fits(&input, &given, &types, self.out);
        types.insert("answer", asked.ports.output.clone(), None);
        let done = probe.done.infer(&types, self.out);
        if !Type::Boolean.or_null().accepts(&done) {
            let message = format!("`done` must be true, false or null, and is {done}");
            let help = "compare something, such as `answer.status == 'sent'`";
            self.out.push(Diagnostic::new(Code::TYPE_MISMATCH, probe.done.span(), message).help(help));
        }
        let result = probe.result.as_ref().map_or_else(|| asked.ports.output.clone(), |it| it.infer(&types, self.out));
        if !tool.ports.output.accepts(&result) {
            let at = probe.result.as_ref().map_or(probe.tool.span, crate::expr::Expression::span);
            let message = format!("the call gives {}, and the probe finds {result}", tool.ports.output);
            let help = "write `result:` with an expression over `answer` that gives the same as the call";
            self.out.push(Diagnostic::new(Code::TYPE_MISMATCH, at, message).help(help));
        }
    }
}
