//! Every board plays every script that fits it. `cargo test -p barewire-e2e --test e2e --
//! qemu_root::` plays those of one board, `-- --list` names them all.
//!
//! Trials run one after another: they share boards, and two cores do not carry two emulators at a
//! time.

use std::process::ExitCode;
use std::sync::Arc;

use e2e::board::{self, MODELS, Model};
use e2e::card::{CASES, Case};
use e2e::script::{SCRIPTS, Script};
use e2e::stage::Stage;
use e2e::{differential, namespace};
use libtest_mimic::{Arguments, Completion, Trial};
use xtask::lint::Findings;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if !arguments.list
        && let Err(error) = namespace::remove_stale()
    {
        eprintln!("what a killed run left behind could not be removed: {error:#}");
    }
    let stage = Arc::new(Stage::new());
    let mut trials = Vec::new();
    for model in MODELS {
        let scripts = SCRIPTS.iter().filter(|script| script.fits(&model));
        let all = scripts.map(|script| trial(&stage, model, *script)).collect::<Vec<_>>();
        let wanted = all.iter().any(|trial| !arguments.is_filtered_out(trial));
        if wanted && !arguments.list && model.missing().is_none() {
            // What fails here fails again, and is told, in the trials.
            let _ = board::prepare(model);
        }
        trials.extend(all);
        if model.is_emulated() {
            trials.push(lint(&stage, model));
        }
    }
    trials.extend(CASES.map(card));
    trials.push(linux());
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The last board is switched off, and its namespace removed, before we leave.
    stage.clear();
    conclusion.exit_code()
}

fn trial(stage: &Arc<Stage>, model: Model, script: Script) -> Trial {
    let stage = Arc::clone(stage);
    let name = format!("{}::{}", model.name, script.name);
    let again = format!("cargo test -p barewire-e2e --test e2e -- --exact {name}");
    Trial::ignorable_test(name, move || {
        if let Some(reason) = model.missing().or_else(|| script.missing(&model)) {
            return Ok(Completion::ignored_with(reason));
        }
        match stage.play(model, script.boot, script.run) {
            Ok(()) => Ok(Completion::Completed),
            Err(error) => Err(format!("{error:#}\n--- to see it again ---\n{again}").into()),
        }
    })
}

/// Our TCP beside Linux's, on the same conversations.
fn linux() -> Trial {
    Trial::ignorable_test("tcp::beside_linux", || {
        if !nix::unistd::geteuid().is_root() {
            return Ok(Completion::ignored_with("needs root, for a network namespace"));
        }
        match differential::every_difference_is_judged() {
            Ok(()) => Ok(Completion::Completed),
            Err(error) => Err(format!("{error:#}").into()),
        }
    })
}

fn card(case: Case) -> Trial {
    Trial::ignorable_test(format!("card::{}", case.name), move || match case.missing() {
        Some(reason) => Ok(Completion::ignored_with(reason)),
        None => match (case.run)() {
            Ok(()) => Ok(Completion::Completed),
            Err(error) => Err(format!("{error:#}").into()),
        },
    })
}

/// The last trial of an emulated board: what its controller was asked for, in all trials before,
/// was what hardware takes.
fn lint(stage: &Arc<Stage>, model: Model) -> Trial {
    let stage = Arc::clone(stage);
    Trial::ignorable_test(format!("{}::lint", model.name), move || {
        let verdicts = stage.verdicts(model);
        if verdicts.is_empty() {
            return Ok(Completion::ignored_with("no board of this kind was played on"));
        }
        let mut sums = (0, 0, 0);
        for verdict in &verdicts {
            let Findings { accesses, transfers, toggles, .. } = verdict.findings;
            sums = (sums.0 + accesses, sums.1 + transfers, sums.2 + toggles);
        }
        let (boards, (accesses, transfers, toggles)) = (verdicts.len(), sums);
        println!(
            "{}: {boards} starts, {accesses} register accesses, {transfers} transfers, {toggles} \
             toggles checked",
            model.name
        );
        match verdicts.iter().find(|verdict| !verdict.findings.is_clean()) {
            None => Ok(Completion::Completed),
            Some(verdict) => Err(verdict.to_string().into()),
        }
    })
}
