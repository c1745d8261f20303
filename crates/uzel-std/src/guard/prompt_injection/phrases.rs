//! The phrases that the `prompt_injection` check knows, with what they weigh.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

/// Something in a text that looks like an attack.
pub(super) struct Sign {
    pub(super) kind: &'static str,
    pub(super) weight: f64,
    pub(super) message: &'static str,
    pub(super) at: Range<usize>,
}

struct Phrase {
    kind: &'static str,
    weight: f64,
    message: &'static str,
    pattern: Regex,
}

/// How many places of one phrase are looked at.
const MAX_PLACES: usize = 20;

/// The signs in a folded text (lower case, no accents, single spaces).
pub(super) fn signs(folded: &str) -> Vec<Sign> {
    let mut found = vec![];
    if folded.is_empty() {
        // Configs are tried with no text, which must not cost making the patterns.
        return found;
    }
    for phrase in PHRASES.iter() {
        for hit in phrase.pattern.find_iter(folded).take(MAX_PLACES) {
            let Phrase { kind, weight, message, .. } = *phrase;
            found.push(Sign { kind, weight, message, at: hit.range() });
        }
    }
    found
}

/// kind, weight, message, pattern. The patterns are for folded text, so they have no accents (`й` stays).
#[rustfmt::skip]
const TABLE: &[(&str, f64, &str, &str)] = &[
    ("ignore_instructions", 0.8, "asks to ignore the instructions",
        r"\b(?:ignor(?:e|ing)|disregard|forget|override|bypass|skip|do not (?:follow|obey)|don't (?:follow|obey)|stop following)\s+(?:\w+\s+){0,4}?(?:previous|prior|above|earlier|preceding|original|initial|your|system|existing|all)\s+(?:\w+\s+){0,3}?(?:instructions?|directions?|directives?|prompts?|rules?|guidelines?|guardrails|programming)\b"),
    ("ignore_instructions", 0.8, "asks to ignore what was said before",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|all|anything)\s+(?:that\s+)?(?:you\s+(?:were|have been|are)\s+told|above|before this|you know|i said before|said (?:above|before))\b"),
    ("ignore_instructions", 0.8, "asks to ignore the instructions (German)",
        r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*|befolge\w* nicht)\s+(?:\w+\s+){0,4}?(?:vorherigen?|bisherigen?|obigen?|fruheren?|deine|ihre|alle|vorangegangenen?)\s+(?:\w+\s+){0,3}?(?:anweisung(?:en)?|instruktion(?:en)?|regeln|vorgaben|befehle|prompts?)\b"),
    ("ignore_instructions", 0.8, "asks to ignore the instructions (French)",
        r"\b(?:ignore[zr]?|oublie[zr]?|ne (?:tiens|tenez) pas compte|fais abstraction)\s+(?:\S+\s+){0,4}?(?:instructions?|consignes?|directives?|regles?)\s+(?:\S+\s+){0,2}?(?:precedent\w*|anterieur\w*|ci-dessus|initiales?|d'avant|donnees)\b"),
    ("ignore_instructions", 0.8, "asks to ignore the instructions (Spanish, Portuguese, Italian)",
        r"\b(?:ignor[ae]\w*|olvid[ae]\w*|esquec[ae]\w*|esqueça|descart[ae]\w*|dimentica\w*|desconsider[ae]\w*)\s+(?:\S+\s+){0,4}?(?:instrucci(?:on|ones)|instruc(?:ao|oes)|istruzion[ei]|ordenes|reglas|regras|regole|diretrizes)\s+(?:\S+\s+){0,2}?(?:anterior\w*|previ[ao]s?|precedent[ei]|de arriba|acima|iniciales|originales)\b"),
    ("ignore_instructions", 0.8, "asks to ignore the instructions (Russian, Ukrainian)",
        r"(?:игнориру\w*|проигнориру\w*|забудь\w*|не следуй|отбрось|ігнору\w*)\s+(?:\S+\s+){0,4}?(?:предыдущ\w*|прежн\w*|выше\w*|попередн\w*|свои|твои|все)\s+(?:\S+\s+){0,3}?(?:инструкц\w*|указани\w*|правил\w*|команд\w*|інструкц\w*)"),
    ("ignore_instructions", 0.8, "asks to ignore the instructions (Chinese)",
        r"(?:忽略|忘记|忘掉|无视|無視|忽視|不要(?:遵守|理会))[^。！？\n]{0,12}?(?:指令|指示|提示|规则|規則|说明|命令)"),
    ("ignore_instructions", 0.8, "asks to ignore the instructions (Japanese)",
        r"(?:指示|命令|指令|ルール|プロンプト)[^。！？\n]{0,10}?(?:無視|忘れ|従わない)"),
    ("reveal_prompt", 0.6, "asks for the system prompt",
        r"\b(?:reveal|show|print|repeat|output|display|tell me|give me|leak|dump|recite|write out|what (?:is|are|were))\s+(?:\w+\s+){0,4}?(?:(?:system|initial|hidden|original|secret|developer)\s+(?:prompt|instructions?|message)|(?:your|the) (?:prompt|initial instructions))\b"),
    ("reveal_prompt", 0.6, "asks for the text above",
        r"\b(?:repeat|print|output)\s+(?:\w+\s+){0,3}?(?:words|text|everything|all)\s+(?:\w+\s+){0,2}?above\b"),
    ("reveal_prompt", 0.6, "asks for the system prompt",
        r"(?:zeig\w*|nenne|verrate|montre\w*|affiche\w*|revele\w*|muestra\w*|revela\w*|mostra\w*|mostre)\s+(?:\S+\s+){0,4}?(?:system-?\s?prompt|systemanweisung\w*|prompt (?:systeme|du systeme|del sistema|do sistema|di sistema)|instrucciones (?:del sistema|ocultas|secretas))|(?:покажи|раскрой|выведи)\s+(?:\S+\s+){0,4}?(?:системн\w+ (?:промпт\w*|инструкц\w*|сообщени\w*))|(?:显示|告诉我|输出|透露)[^。\n]{0,8}?系统(?:提示|指令)|システム ?プロンプト[^。\n]{0,8}?(?:表示|教え|出力)"),
    ("role_override", 0.4, "gives the model another role",
        r"\byou are (?:now|no longer)\s+(?:\w+\s+){0,4}?(?:ai|assistant|model|bot|chatbot|gpt|agent|dan|unrestricted|jailbroken|admin|root|bound|in \w+ mode)\b|\b(?:from now on|henceforth),? (?:you|act|respond|answer)\b|\b(?:pretend|act|behave|roleplay|respond) (?:to be|as if you (?:are|were|have)|as (?:an?|my) (?:\w+ )?(?:unrestricted|uncensored|evil|unfiltered|jailbroken|hacker|dan))\b"),
    ("role_override", 0.4, "gives the model another role",
        r"\bdu bist (?:jetzt|ab sofort|nun) (?:ein|eine|kein|der)\b|\bab (?:jetzt|sofort) (?:bist|antwortest|verhaltst) du\b|\btu es (?:maintenant|desormais)\b|\b(?:a partir de ahora|de ahora en adelante),? (?:eres|seras|actua)\b|\bagora voce e\b|\bda ora in poi (?:sei|sarai)\b|(?:теперь ты|отныне ты|ты больше не)|(?:你现在是|从现在开始你|あなたは今から)"),
    ("jailbreak", 0.6, "asks for a mode without limits",
        r"\b(?:enable|activate|enter|switch to|in|turn on)\s+(?:\w+\s+){0,2}?(?:developer|debug|god|admin|dan|jailbreak|unrestricted|sudo|maintenance)\s+mode\s+(?:\w+\s+){0,2}?(?:with|without|and|no|where|so)\b|\bdo anything now\b|\b(?:without|with no|no) (?:any )?(?:restrictions|limitations|ethical guidelines|content polic(?:y|ies)|filters|guardrails)\b|\bjailbreak(?:ed)?\b|\byou are dan\b"),
    ("system_turn", 0.5, "contains a turn of the system or the assistant",
        r"(?m)^\s*(?:\[|<|\*\*|#+ ?)?(?:system|developer|assistant)(?: (?:message|prompt|note|override|notice|instruction))?(?:\]|>|\*\*)?\s*:\s*\S"),
    ("delimiter", 0.7, "contains control tokens of a chat format",
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|end_of_turn|eot_id|start_header_id|end_header_id)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|</?(?:system|system_prompt|instructions|function_calls|tool_call)>|\{\{#system"),
    ("delimiter", 0.4, "announces new instructions",
        r"(?:^|\n|[#=*-]{3} ?)(?:begin |end of )?(?:new|updated|revised|real|actual|important|additional|admin) (?:system )?(?:instructions?|prompt|rules|directive)\b ?[:\]#=*-]|\b(?:end|start) of (?:the )?(?:user input|system prompt|context|document)\b"),
    ("encoded", 0.4, "asks to decode a text and to follow it",
        r"\b(?:decode|decrypt|unscramble|base64|rot13|hex)\b[^\n]{0,60}?\b(?:follow|execute|obey|do what|run it|carry out|then do|and do)\b"),
    ("tool_abuse", 0.5, "tells the model to use its tools",
        r"\b(?:call|invoke|use|run|execute|trigger)\s+(?:the |your |a )?[`']?\w+[`']?\s+(?:tool|function|api|plugin)\b|\b(?:execute|run)\s+(?:the following|this)\s+(?:command|code|sql|script|query)\b|\brm -rf\b|\bdrop table\b|\b(?:approve|issue|grant|authorize)\s+(?:\w+\s+){0,3}?(?:refund|payment|transfer|access)\s+(?:\w+\s+){0,3}?(?:without|regardless|no matter|immediately and)\b"),
    ("exfiltration", 0.6, "asks to send data away",
        r"\b(?:send|post|forward|upload|exfiltrate|leak|transmit|email|append)\s+(?:\w+\s+){0,6}?(?:data|emails?|keys?|passwords?|credentials|secrets?|tokens?|conversation|history|records?|contents?)\s+(?:\w+\s+){0,4}?(?:to|at|via)\s+(?:\w+\s+){0,2}?(?:https?://|\S+@\S+\.)|!\[[^\]]{0,80}\]\(https?://[^)\s]{1,300}[?&][^)\s]{0,200}[{=]"),
    ("conceal", 0.4, "asks to hide something from the user",
        r"\b(?:do not|don't|never)\s+(?:tell|inform|mention|reveal|show|notify|alert)\s+(?:\w+\s+){0,4}?(?:user|human|customer|operator|anyone)\b|\bwithout (?:telling|informing|notifying) (?:the )?(?:user|human|customer|operator)\b"),
];

static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let compile = |&(kind, weight, message, pattern): &(&'static str, f64, &'static str, &str)| Phrase {
        kind,
        weight,
        message,
        pattern: Regex::new(pattern).expect("a valid pattern"),
    };
    TABLE.iter().map(compile).collect()
});
