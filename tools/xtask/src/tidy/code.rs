//! Rules about Rust code: where what may occur.

use super::source::{block, is_word, line_of, tokens};
use super::structure::UNSAFE_ROOMS;
use super::tree::File;
use super::{Rule, Tree, Violation};

/// The rules of this file.
pub const RULES: [Rule; 6] = [
    Rule {
        name: "unsafe-rooms",
        reason: "unsafe code is read again at every change; so it stays in the few rooms that \
                 need it",
        check: unsafe_rooms,
    },
    Rule {
        name: "no-clock",
        reason: "firmware and drivers are given the time, so that a test can let an hour pass; \
                 only tasks (services, shell, async sockets) ask embassy-time, whose driver tests \
                 replace",
        check: no_clock,
    },
    Rule {
        name: "no-heap",
        reason: "the image has no allocator: what does not fit is refused by a limit with a name",
        check: no_heap,
    },
    Rule {
        name: "one-text",
        reason: "host and target compile the same text of firmware and drivers, or the tests on \
                 the host say nothing about the board",
        check: one_text,
    },
    Rule {
        name: "bounded-waits",
        reason: "a wait without an end hangs the board silently; one that has an end, or where \
                 nothing else is left to do, says so with `// bounded: reason` or \
                 `// unbounded: reason` on the line or the one above",
        check: bounded_waits,
    },
    Rule {
        name: "leftovers",
        reason: "what was meant for one afternoon does not stay: no macro of unfinished work, no \
                 mark of a later repair, no test switched off",
        check: leftovers,
    },
];

/// Floor 1: what is compiled for board and host alike.
const FLOOR_1: [&str; 2] = ["firmware", "drivers"];
/// What ends up in the image.
const IMAGE: [&str; 3] = ["firmware", "drivers", "boards"];

fn files_in<'a>(tree: &'a Tree, places: &'a [&str]) -> impl Iterator<Item = &'a File> {
    tree.rust().filter(|file| places.iter().any(|place| file.is_in(place)))
}

/// Every occurrence of `words` in `code`, which is the file's code or a part of it, as violations.
fn occurrences(file: &File, code: &str, words: &[&str], why: &str) -> Vec<Violation> {
    let at = |word: &&str| {
        let lines = tokens(code, word).map(|at| line_of(code, at)).collect::<Vec<_>>();
        let word = word.trim_end_matches('(').to_string();
        lines.into_iter().map(move |line| Violation::at(&file.path, line, format!("{word} {why}")))
    };
    words.iter().flat_map(at).collect()
}

fn unsafe_rooms(tree: &Tree) -> Vec<Violation> {
    const WORDS: [&str; 5] = ["unsafe", "asm!", "global_asm!", "naked_asm!", "static mut"];
    let outside = |file: &&File| !UNSAFE_ROOMS.iter().any(|(room, _)| file.is_in(room));
    let find = |file| occurrences(file, &file.code, &WORDS, "has no room here");
    tree.rust().filter(outside).flat_map(find).collect()
}

fn no_clock(tree: &Tree) -> Vec<Violation> {
    const CLOCKS: [&str; 6] =
        ["Instant::now", "SystemTime", "std::time", "CNTPCT_EL0", "CNTVCT_EL0", "CNTVCT"];
    /// Tasks, which embassy-time wakes.
    const TASKS: [&str; 6] = [
        "firmware/src/service",
        "firmware/src/shell",
        "firmware/src/net/tcp.rs",
        "firmware/src/net/udp.rs",
        "firmware/src/net/raw.rs",
        "firmware/src/tasks.rs",
    ];
    let find = |file: &File| {
        let of_a_task = TASKS.iter().any(|task| file.is_in(task));
        let clocks = if of_a_task { &CLOCKS[1..] } else { &CLOCKS[..] };
        occurrences(file, &file.shipped, clocks, "is a clock; time is an argument here")
    };
    files_in(tree, &FLOOR_1).flat_map(find).collect()
}

fn no_heap(tree: &Tree) -> Vec<Violation> {
    const HEAP: [&str; 8] = [
        "extern crate alloc",
        "extern crate std",
        "alloc::",
        "std::",
        "Box::",
        "vec!",
        "format!",
        "#[global_allocator]",
    ];
    let find = |file| occurrences(file, &file.shipped, &HEAP, "needs a heap or a system");
    files_in(tree, &IMAGE).flat_map(find).collect()
}

fn one_text(tree: &Tree) -> Vec<Violation> {
    const CONDITIONS: [&str; 11] = [
        "target_abi",
        "target_arch",
        "target_endian",
        "target_env",
        "target_family",
        "target_feature",
        "target_has_atomic",
        "target_os",
        "target_pointer_width",
        "target_thread_local",
        "target_vendor",
    ];
    /// Cache maintenance is instructions that a desk does not have.
    const EXCEPT: [&str; 2] = ["drivers/dma/src/lib.rs", "drivers/dma/src/cache.rs"];
    let find = |file| occurrences(file, &file.code, &CONDITIONS, "makes two texts of one");
    let bound = |file: &&File| !EXCEPT.contains(&file.path.as_str());
    files_in(tree, &FLOOR_1).filter(bound).flat_map(find).collect()
}

fn bounded_waits(tree: &Tree) -> Vec<Violation> {
    let waits = |file: &File| {
        let code = &file.shipped;
        let heads = ["loop", "while"].into_iter().flat_map(|word| tokens(code, word));
        let idle = heads.filter(|&at| block(code, at).is_some_and(|(_, body)| only_idles(body)));
        let bare = idle.map(|at| line_of(code, at)).filter(|&line| !is_excused(file, line));
        let what = "a wait without an end: see mmio::wait, or say why it ends or need not";
        bare.map(|line| Violation::at(&file.path, line, what)).collect::<Vec<_>>()
    };
    files_in(tree, &["drivers", "boards"]).flat_map(waits).collect()
}

/// Does this body of a loop do nothing but pass time?
fn only_idles(body: &str) -> bool {
    const IDLE: [&str; 16] = [
        "core",
        "hint",
        "spin_loop",
        "asm",
        "wfi",
        "wfe",
        "nop",
        "unsafe",
        "arch",
        "options",
        "nomem",
        "nostack",
        "preserves_flags",
        "cortex_a",
        "barrier",
        "yield_now",
    ];
    let mut words = body.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    words.all(|word| IDLE.contains(&word))
}

fn is_excused(file: &File, line: usize) -> bool {
    let above = line.saturating_sub(2);
    let near = file.text.lines().skip(above).take(line - above);
    let excuses = |text: &str| {
        let reason = ["// bounded:", "// unbounded:"].iter().find_map(|mark| text.split_once(mark));
        reason.is_some_and(|(_, reason)| !reason.trim().is_empty())
    };
    near.into_iter().any(excuses)
}

fn leftovers(tree: &Tree) -> Vec<Violation> {
    const CODE: [&str; 4] = ["dbg!", "todo!", "unimplemented!", "#[ignore"];
    // Put together here, so that this file does not find itself.
    let comments = [concat!("FIX", "ME"), concat!("X", "XX")];
    let mut found = Vec::new();
    for file in &tree.files {
        found.extend(occurrences(file, &file.code, &CODE, "was left behind"));
        if file.is_rust()
            || [".ld", ".S", ".sh", ".toml"].iter().any(|end| file.path.ends_with(end))
        {
            found.extend(occurrences(file, &file.text, &comments, "was left behind"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn found(check: fn(&Tree) -> Vec<Violation>, path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of([(path, text)])).iter().map(|v| v.line.unwrap_or(0)).collect()
    }

    #[test]
    fn unsafe_outside_its_rooms_is_found() {
        for text in [
            "fn f() {\n unsafe { g() } }",
            "\nglobal_asm!(\"\");",
            "\nstatic mut X: u8 = 0;",
            "\nunsafe impl Send for X {}",
            "\n core::arch::asm!(\"wfi\");",
        ] {
            assert_eq!(found(unsafe_rooms, "drivers/usb/src/a.rs", text), [2], "{text}");
            assert_eq!(found(unsafe_rooms, "tools/xtask/src/a.rs", text), [2], "{text}");
            assert_eq!(found(unsafe_rooms, "drivers/mmio/src/pointer.rs", text), NONE, "{text}");
            assert_eq!(found(unsafe_rooms, "boards/rpi3/src/boot.rs", text), NONE, "{text}");
        }
        let clean = "#![forbid(unsafe_code)]\n// unsafe\nstatic X: u8 = 0;";
        assert_eq!(found(unsafe_rooms, "drivers/usb/src/a.rs", clean), NONE);
        assert_eq!(found(unsafe_rooms, "drivers/mmio/src/lib.rs", "unsafe {}"), [1]);
    }

    #[test]
    fn a_clock_on_floor_1_is_found() {
        let text = "\nlet now = Instant::now();";
        assert_eq!(found(no_clock, "firmware/src/net/stack.rs", text), [2]);
        assert_eq!(found(no_clock, "drivers/dwc2/src/lib.rs", text), [2]);
        assert_eq!(found(no_clock, "firmware/src/service/http/mod.rs", text), NONE);
        assert_eq!(found(no_clock, "firmware/src/net/tcp.rs", text), NONE);
        assert_eq!(found(no_clock, "firmware/src/service/ntp.rs", "\nSystemTime::now()"), [2]);
        assert_eq!(found(no_clock, "boards/rpi3/src/time.rs", text), NONE);
        let test = "#[cfg(test)]\nmod tests {\n fn f() { Instant::now(); }\n}";
        assert_eq!(found(no_clock, "firmware/src/net/stack.rs", test), NONE);
        assert_eq!(found(no_clock, "firmware/src/net/stack.rs", "fn poll(now: Instant) {}"), NONE);
    }

    #[test]
    fn a_heap_in_the_image_is_found() {
        for text in ["extern crate alloc;", "use std::vec::Vec;", "let x = Box::new(1);", "vec![1]"]
        {
            assert!(!found(no_heap, "firmware/src/a.rs", text).is_empty(), "{text}");
            assert_eq!(found(no_heap, "tools/twin/src/a.rs", text), NONE, "{text}");
            assert_eq!(found(no_heap, "firmware/tests/a.rs", text), NONE, "{text}");
            assert_eq!(found(no_heap, "boards/rpi3/build.rs", text), NONE, "{text}");
        }
        let for_tests = Tree::of([
            ("firmware/src/lib.rs", "#[cfg(test)]\nmod testing;"),
            ("firmware/src/testing.rs", "use std::vec::Vec;"),
            ("firmware/src/testing/peer.rs", "use std::vec::Vec;"),
        ]);
        assert_eq!(no_heap(&for_tests), []);
        let clean = "use heapless::Vec;\nlet v: Vec<u8, 4> = Vec::new();";
        assert_eq!(found(no_heap, "boards/rpi3/src/a.rs", clean), NONE);
    }

    #[test]
    fn two_texts_are_found() {
        let text = "\n#[cfg(target_arch = \"aarch64\")]\nfn f() {}";
        assert_eq!(found(one_text, "firmware/src/a.rs", text), [2]);
        assert_eq!(
            found(one_text, "drivers/usb/src/a.rs", "\nif cfg!(target_os = \"linux\") {}"),
            [2]
        );
        assert_eq!(found(one_text, "drivers/dma/src/cache.rs", text), NONE);
        assert_eq!(found(one_text, "boards/rpi3/src/a.rs", text), NONE);
        assert_eq!(found(one_text, "firmware/src/a.rs", "#[cfg(feature = \"defmt\")]"), NONE);
    }

    #[test]
    fn a_wait_without_an_end_is_found() {
        for text in [
            "loop {}",
            "loop {\n core::hint::spin_loop();\n}",
            "while !ready() {}",
            "while x.read(|| { 1 }) { spin_loop(); }",
            "loop { unsafe { asm!(\"wfi\", options(nomem, nostack)) } }",
            "// unbounded:\nloop { wfe() }",
        ] {
            assert_eq!(found(bounded_waits, "boards/rpi3/src/a.rs", text).len(), 1, "{text}");
        }
        for text in [
            "// unbounded: nothing is left to do\nloop { wfe() }",
            "loop {} // unbounded: parked for good",
            "// bounded: the clock goes on\nwhile clock.now() < end { spin_loop(); }",
            "loop { step(); }",
            "while x { x = next(); }",
            "// loop {}",
            "#[cfg(test)]\nmod tests { fn f() { loop {} } }",
        ] {
            assert_eq!(found(bounded_waits, "drivers/usb/src/a.rs", text), NONE, "{text}");
        }
        assert_eq!(found(bounded_waits, "tools/twin/src/a.rs", "loop {}"), NONE);
    }

    #[test]
    fn what_was_left_behind_is_found() {
        let marks = [concat!("// FIX", "ME later"), concat!("// X", "XX"), "dbg!(x)", "todo!()"];
        for text in
            marks.into_iter().chain(["unimplemented!()", "#[ignore]", "#[ignore = \"slow\"]"])
        {
            assert_eq!(found(leftovers, "tools/a/src/lib.rs", text), [1], "{text}");
        }
        assert_eq!(found(leftovers, "linker.ld", concat!("/* X", "XX */")), [1]);
        assert_eq!(found(leftovers, "a/src/lib.rs", "// todo!\nlet s = \"dbg!\"; // PREFIX"), NONE);
    }
}
