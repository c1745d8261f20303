//! Resolves and loads the imports of a script: relative paths, through a lookup. Used by the JavaScript sandbox.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use rquickjs::{
    Ctx, Error, Module, Result,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
};
use uzel_core::failure::{Failure, FailureClass};

use super::{MAX_MODULES, MAX_SOURCE};

/// Gives the text of a file by its path.
pub(super) type Lookup = dyn Fn(&str) -> Option<String>;

/// The files that a script may import: those that are known and, while it is loaded, those that the lookup gives.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) known: Rc<RefCell<BTreeMap<String, String>>>,
    pub(super) lookup: Option<Rc<Lookup>>,
}

/// Refuses a module that is too long.
pub(super) fn admit(name: &str, source: &str) -> std::result::Result<(), Failure> {
    if source.len() > MAX_SOURCE {
        let message = format!("{name} has {} bytes, a module has at most {MAX_SOURCE}", source.len());
        return Err(Failure::new(FailureClass::Limit, message));
    }
    Ok(())
}

impl Resolver for Files {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let refuse = |why: &str| Err(Error::new_resolving_message(base, name, why));
        if attributes.is_some() {
            return refuse("import attributes are not supported");
        }
        if !name.starts_with("./") && !name.starts_with("../") {
            return refuse("only files can be imported: begin the path with `./` or `../`");
        }
        let mut parts: Vec<&str> = base.split('/').collect();
        parts.pop();
        for part in name.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.pop().is_none() => return refuse("the path leaves the folder of the app"),
                ".." => {}
                part => parts.push(part),
            }
        }
        Ok(parts.join("/"))
    }
}

impl Loader for Files {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let known = self.known.borrow().get(name).cloned();
        let found = known.or_else(|| self.lookup.as_ref().and_then(|lookup| lookup(name)));
        let Some(source) = found else {
            return Err(Error::new_loading_message(name, "there is no such file"));
        };
        if source.len() > MAX_SOURCE || self.known.borrow().len() > MAX_MODULES {
            let message = format!("at most {MAX_MODULES} modules of {MAX_SOURCE} bytes can be loaded");
            return Err(Error::new_loading_message(name, message));
        }
        self.known.borrow_mut().insert(name.to_owned(), source.clone());
        Module::declare(ctx.clone(), name, source)
    }
}
