//! The table of codes. A code is for ever; each has a page `docs/errors/UZnnnn.md`.
//!
//! Ranges: UZ0 text and YAML, UZ1 names and shape, UZ2 types and expressions, UZ3 policy and limits, UZ4 kinds,
//! UZ5 build, UZ6 run.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Severity;

/// A code of the table, such as `UZ1002`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

macro_rules! codes {
    ($($name:ident $code:literal $severity:ident $title:literal;)*) => {
        impl Code {
            $(#[doc = $title] pub const $name: Self = Self($code);)*

            /// All codes, in order, with their severity and title.
            pub const ALL: &'static [(Self, Severity, &'static str)] =
                &[$((Self::$name, Severity::$severity, $title)),*];
        }
    };
}

codes! {
    NOT_UTF8              "UZ0001" Error "the file is not UTF-8 text";
    TOO_LARGE             "UZ0002" Error "the file is larger than 10 MB";
    YAML_SYNTAX           "UZ0003" Error "the YAML cannot be read";
    TAB_INDENT            "UZ0004" Error "a tab is used for indentation";
    DUPLICATE_KEY         "UZ0005" Error "a key is written twice";
    TOO_DEEP              "UZ0006" Error "the document is nested too deeply";
    ALIAS_BUDGET          "UZ0007" Error "aliases expand to too much";
    YAML11_KEY            "UZ0008" Error "a key that YAML 1.1 reads as a boolean";
    KEY_NOT_TEXT          "UZ0009" Error "a key that is not a text";
    UNQUOTED_BRACES       "UZ0010" Error "an expression in braces is not quoted";
    EMPTY_DOCUMENT        "UZ0011" Error "the document is empty";
    SEVERAL_DOCUMENTS     "UZ0012" Error "the file holds more than one document";
    FILE_UNREADABLE       "UZ0013" Error "a file that the app names cannot be read";
    UNKNOWN_TAG           "UZ0014" Error "a YAML tag that means nothing here";
    FORMAT_REFUSED        "UZ0020" Error "formatting would have changed what the file says";
    BAD_INCLUDE           "UZ0030" Error "an include that cannot be followed";

    UNKNOWN_KEY           "UZ1001" Error "a key that does not exist here";
    MISSING_KEY           "UZ1002" Error "a required key is missing";
    WRONG_SHAPE           "UZ1003" Error "a value of the wrong shape";
    UNKNOWN_KIND          "UZ1004" Error "a node kind that does not exist";
    UNKNOWN_REFERENCE     "UZ1005" Error "a reference to something that does not exist";
    SHADOWS_ROOT          "UZ1006" Error "a node id that hides a root of expressions";
    BAD_NODE_ID           "UZ1007" Error "a node id that is not a name";
    CYCLE                 "UZ1008" Error "nodes that wait for each other";
    UNKNOWN_NODE          "UZ1009" Error "a node name that does not exist";
    UNKNOWN_NAME          "UZ1010" Error "a model, tool, connection or knowledge base that does not exist";
    GRAPH_RECURSION       "UZ1011" Error "an app that runs itself";
    NO_NODES              "UZ1012" Error "an app without nodes";
    BAD_VERSION           "UZ1013" Error "a version of the app file that this program does not know";
    UNKNOWN_VALUE         "UZ1014" Error "a word that is none of those allowed here";
    JOIN_UNSATISFIABLE    "UZ1015" Error "a join that can never be satisfied";
    SHADOWS_OUTER         "UZ1016" Error "a name in a body that hides one outside";
    GRAPH_TOO_DEEP        "UZ1017" Error "bodies and apps that stand in each other too deeply";
    UNBOUNDED_LOOP        "UZ1018" Error "a loop without a bound";
    OVERLAY_CLOSED        "UZ1020" Error "an overlay that changes what only the app file may say";
    OVERLAY_UNKNOWN       "UZ1021" Error "an overlay that names what the app does not have";
    FLAG_UNUSED           "UZ1022" Warning "a flag that nothing asks";
    FLAG_EXPIRED          "UZ1023" Warning "a flag that was to be gone";
    NOT_YET               "UZ1024" Error "a part of the language that this version does not have";

    EXPRESSION_SYNTAX     "UZ2001" Error "an expression cannot be read";
    WRONG_BRACES          "UZ2002" Error "the wrong braces for this place";
    UNKNOWN_FUNCTION      "UZ2003" Error "a filter, test or function that does not exist";
    UNKNOWN_FIELD         "UZ2004" Error "a field that the value does not have";
    TYPE_MISMATCH         "UZ2005" Error "a value of a type that does not fit";
    NEVER_EQUAL           "UZ2006" Error "a comparison that can never be true";
    MAY_BE_NULL           "UZ2007" Warning "a value that may be null is used as if it were not";
    BAD_TYPE              "UZ2008" Error "a type that cannot be read";
    SECRET_LEAK           "UZ2009" Error "a secret where it may leak";
    UNKNOWN_SECRET        "UZ2010" Error "a secret that is not declared";
    PRINTS_STRUCTURE      "UZ2020" Warning "a list or map that is printed as it is";
    ALWAYS_FAILS          "UZ2021" Error "an expression that always fails";
    BAD_RECONCILE         "UZ2030" Error "a probe that cannot tell whether an effect was done";
    KEY_NOT_SENT          "UZ2031" Error "an effect with a key that nobody sends";

    BAD_DURATION          "UZ3001" Error "a duration that cannot be read";
    BAD_LIMIT             "UZ3002" Error "a limit that is out of range";
    NO_FAILURE_MODE       "UZ3003" Error "a check that does not say what happens when it breaks";
    UNGUARDED_WRITE       "UZ3004" Warning "a tool that writes, and no guard or person before it";
    RETRY_NOT_SAFE        "UZ3005" Error "a retry of an effect that is not safe to repeat";
    NO_TIMEOUT            "UZ3006" Warning "a call over the network, and nobody says how long it may take";
    NO_BACKOFF            "UZ3007" Warning "a retry whose waits do not grow";
    FREE_TEXT             "UZ3008" Warning "a model's free text where a checked value is needed";
    AGENT_UNBOUNDED       "UZ3009" Warning "an agent that lacks a limit";
    MODEL_COMPUTES        "UZ3010" Warning "a model is asked for what code does exactly";
    NO_DOUBT              "UZ3011" Warning "a model's verdict chooses the way, and there is no way for doubt";
    NO_FLAG               "UZ3012" Warning "a new branch in an app that is in use, and no flag before it";
    TAINTED_AGENT         "UZ3013" Warning "text that nobody looked at reaches an agent that may write";
    TAINTED_WRITE         "UZ3014" Warning "text that nobody looked at steers what is written";
    TAINTED_STATEMENT     "UZ3015" Warning "text from outside becomes part of a statement";

    WAIVER_EXPIRED        "UZ3020" Error "a waiver whose day has passed";
    WAIVER_UNUSED         "UZ3021" Warning "a waiver of nothing";
    BAD_WAIVER            "UZ3022" Error "a waiver that cannot hold";

    MISSING_CASE          "UZ4001" Error "a route that lacks a case";
    UNKNOWN_CASE          "UZ4002" Error "a case that the value can never be";
    UNKNOWN_CHECK         "UZ4003" Error "a guard check that does not exist";
    BAD_RUN_TARGET        "UZ4004" Error "a function that cannot be run";
    BAD_PATTERN           "UZ4005" Error "a regular expression that cannot be read";
    BAD_KIND_CONFIG       "UZ4007" Error "settings of a node that do not fit together";

    SECRET_MISSING        "UZ5001" Error "a secret has no value";
    MODEL_UNKNOWN         "UZ5002" Error "a model provider that does not exist";
    BUILD_FAILED          "UZ5003" Error "a node could not be prepared";
    NOT_IN_THIS_VERSION   "UZ5004" Error "something that this version checks and cannot run";
    PROGRAM_TYPE          "UZ5010" Error "a type of the program that does not fit the app";

    BAD_INPUT             "UZ6001" Error "an input that does not fit";
    RUN_UNKNOWN           "UZ6002" Error "a run that does not exist";
    STORE_IN_USE          "UZ6003" Error "another process has the store";
    BAD_ANSWER            "UZ6004" Error "an answer that does not fit the question";
    TASK_ANSWERED         "UZ6005" Error "a question that has been answered";
    STORE_FAILED          "UZ6006" Error "the store cannot be used";

    PROTOCOL              "UZ6030" Error "a message that is none of the language server protocol";
    RENAME_REFUSED        "UZ6031" Error "a name that cannot be given to a node";

    WRITES_REPEATED       "UZ6040" Error "calls that write would be made again";
    FORK_REFUSED          "UZ6041" Error "a run that cannot be done again from there";
    EXPORT_UNREADABLE     "UZ6042" Error "an exported run that cannot be read";
    MIGRATION_REFUSED     "UZ6043" Error "a run that cannot go on with another release";

    STORE_DAMAGED         "UZ6060" Error "something in the store is damaged";
    STORE_OCCUPIED        "UZ6061" Error "a backup or a store that would be overwritten";
    BACKUP_DAMAGED        "UZ6062" Error "a backup that is damaged";
    BAD_REQUEST           "UZ6090" Error "a request that cannot be read";
    APP_UNKNOWN           "UZ6091" Error "an app or a model that is not served";
    TOO_BUSY              "UZ6092" Error "too much is going on, or the server is about to end";
    KEY_REUSED            "UZ6093" Error "an idempotency key that was used for something else";
    NOT_WAITED_FOR        "UZ6094" Error "an answer or a call that no run waits for";
    RUN_ENDED             "UZ6095" Error "a run that has ended";
    BAD_ADDRESS           "UZ6096" Error "an address that the server does not listen on";
    HOST_REFUSED          "UZ6097" Error "a request for another host, or from another site";
    NO_SUCH_ROUTE         "UZ6098" Error "a path or method that the server does not have";

}

impl Code {
    /// The code's text, such as `UZ1002`.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The code with this text, in any case.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.iter().map(|(code, ..)| *code).find(|code| code.0.eq_ignore_ascii_case(text))
    }

    /// What it stands for, in a few words.
    pub fn title(self) -> &'static str {
        Self::ALL.iter().find(|(code, ..)| *code == self).map_or("", |(_, _, title)| title)
    }

    /// The severity a diagnostic of this code starts with.
    pub fn severity(self) -> Severity {
        Self::ALL.iter().find(|(code, ..)| *code == self).map_or(Severity::Error, |(_, severity, _)| *severity)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
