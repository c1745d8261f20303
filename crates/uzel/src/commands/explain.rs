//! `uzel explain`: the page of a code.

use clap::Args;
use uzel_core::diagnostic::{Code, did_you_mean};

use crate::{
    exit::{Error, Exit},
    render::Terminal,
    templates,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Code, such as UZ2004; without one all codes are listed
    code: Option<String>,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let Some(name) = &arguments.code else {
        let lines = Code::ALL.iter().map(|(code, _, title)| format!("{code}  {title}\n"));
        terminal.data(&lines.collect::<String>())?;
        return Ok(Exit::Fine);
    };
    let Some(code) = Code::find(name.trim()) else {
        let codes = Code::ALL.iter().map(|(code, ..)| code.as_str());
        let hint = did_you_mean(name, codes).unwrap_or_else(|| "`uzel explain` lists all codes".to_owned());
        return Err(Error::usage(format!("there is no code `{name}`")).hint(hint));
    };
    match templates::error_page(code) {
        Some(page) => terminal.data(page)?,
        None => terminal.data(&format!("{code}: {}", code.title()))?,
    }
    Ok(Exit::Fine)
}
