//! Conversations, packet by packet, in virtual time: the scripts of `tests/scripts`.
//!
//! How they are written is told in `script.rs` and `run.rs`. One that fails prints the whole
//! conversation and the line that did not hold; `BAREWIRE_TCP_SCRIPT=words` runs only those whose
//! name has these words.

#[path = "../support/mod.rs"]
mod support;

mod conformance;
mod run;
mod script;
mod seed;
mod talk;
mod words;

use script::Script;
use support::{Memory, Sizes};
use talk::Talk;
use tcp::{Config, EcnUse};
use words::Words;

/// Scripts that there are at least; fewer means that some were lost.
const SCRIPTS_MIN: usize = 250;
/// Bytes of a script as a seed for fuzzing; longer ones repeat themselves.
const SEED_BYTES_MAX: usize = 1024;

/// What a `config` line chooses.
fn config(script: &Script) -> Result<(Config, Sizes, bool), String> {
    let mut config = Config::default();
    // Options are on as a peer offers them; a script without them in the SYN has none.
    let mut sizes = Sizes { connections: 8, half_open: 8, time_wait: 4, blocks: 400 };
    let mut v6 = false;
    let lines = script.lines.iter().filter_map(|(_, line)| line.strip_prefix("config "));
    for word in lines.flat_map(str::split_whitespace) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let time = || Words::new(value).time();
        let number = || value.parse::<usize>().map_err(|_| format!("{word}: no number"));
        match name {
            "ecn" if value == "always" => config.ecn = EcnUse::Always,
            "ecn" if value == "never" => config.ecn = EcnUse::Never,
            "no-ts" => config.timestamps = false,
            "no-sack" => config.sack = false,
            "no-ws" => config.window_scaling = false,
            "mtu" => config.mtu = number()? as u16,
            "v6" => v6 = true,
            "linger" => config.linger_us = time()?,
            "ready" => config.ready_us = time()?,
            "connections" => sizes.connections = number()?,
            "half-open" => sizes.half_open = number()?,
            "time-wait" => sizes.time_wait = number()?,
            "blocks" => sizes.blocks = number()?,
            _ => return Err(format!("config {word}?")),
        }
    }
    Ok((config, sizes, v6))
}

/// Runs a script: the same as an input of the fuzz target; on a fault, the conversation and what is
/// wrong.
fn run(script: &Script) -> Result<Vec<u8>, String> {
    let (config, sizes, v6) = config(script)?;
    let mut memory = Memory::new(sizes);
    let mut talk = Talk::new(memory.engine(config, 7), v6);
    talk.input.push(seed::choices(&config, v6));
    for (number, line) in &script.lines {
        if line.starts_with("config ") {
            continue;
        }
        run::line(&mut talk, line).map_err(|fault| {
            format!("{}\nline {number}: {line}\n  {fault}", talk.log.join("\n"))
        })?;
    }
    run::nothing_untold(&mut talk)
        .map_err(|fault| format!("{}\nat the end\n  {fault}", talk.log.join("\n")))?;
    Ok(talk.input)
}

#[test]
fn every_script_is_followed() {
    let only = std::env::var("BAREWIRE_TCP_SCRIPT").ok();
    let scripts = script::all();
    let mut failed = 0;
    let mut ran = 0;
    for script in &scripts {
        let name = format!("{} ({})", script.name, script.title);
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        ran += 1;
        match run(script) {
            Ok(mut input) if input.len() <= SEED_BYTES_MAX => {
                corpus::piece(&mut input, corpus::tag::tcp::NAME, script.filled().as_bytes());
                corpus::seed("tcp", &input);
            }
            Ok(_) => {}
            Err(fault) => {
                failed += 1;
                println!("--- {name}\n{fault}\n");
            }
        }
    }
    println!("{ran} scripts, {failed} failed");
    assert_eq!(failed, 0, "of {ran} scripts");
    assert!(scripts.len() >= SCRIPTS_MIN, "{} scripts", scripts.len());
}

#[test]
fn a_script_that_is_not_followed_is_noticed() {
    for (lines, fault) in [
        ("given open\nquiet 1s\ntcp . seq 1", "nothing was sent"),
        ("given open\nwrite 10\ntcp P. seq 1+11", "len differ"),
        ("given open\nwrite 10\nquiet 1s", "sent, and not told"),
        ("given open\nwrite 10", "sent, and not told"),
        ("given open\nstate CLOSE_WAIT", "it is: ESTABLISHED"),
        ("given open\npeer P. seq 1+10\nin 39ms tcp . ack 11", "nothing was sent"),
        ("given open\npeer P. seq 1+10\nin 41ms tcp . ack 11", "1000 us too early"),
        ("given open\npeer P. sequ 1+10", "what does sequ mean here?"),
    ] {
        let text = format!("== a title\n{lines}\n");
        let script = &script::parse("test", &text)[0];
        let found = run(script).expect_err(lines);
        assert!(found.contains(fault), "{lines}: {found}");
    }
}
