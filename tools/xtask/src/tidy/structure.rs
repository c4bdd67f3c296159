//! Rules about the house: who may depend on whom, and what every crate has.

use std::collections::BTreeSet;

use super::source::has_token;
use super::tree::{Package, is_in};
use super::{Rule, Tree, Violation};
use crate::image::LIMIT_BYTES;

/// The rules of this file.
pub const RULES: [Rule; 5] = [
    Rule {
        name: "layers",
        reason: "firmware and drivers know nothing of each other and meet in phy::Device; \
                 boards and tools join them; what is below never looks up",
        check: layers,
    },
    Rule {
        name: "image-without-tools",
        reason: "what runs on the board contains nothing of the desk",
        check: image_without_tools,
    },
    Rule {
        name: "forbid-unsafe",
        reason: "a crate in which `unsafe` has no room says so, and the compiler holds it to that",
        check: forbid_unsafe,
    },
    Rule {
        name: "driver-readme",
        reason: "a crate of drivers/ is fit to be used alone, which begins with a README.md",
        check: driver_readme,
    },
    Rule {
        name: "image-size",
        reason: "an image that grows unnoticed stops fitting; checked when one has been built",
        check: image_size,
    },
];

/// Where `unsafe` may occur, and why there. A trailing slash means the folder.
pub const UNSAFE_ROOMS: [(&str, &str); 6] = [
    ("boards/rpi3/", "boot, memory map, exceptions: the chip itself"),
    ("drivers/dma/", "memory that a device writes, and cache maintenance"),
    ("drivers/mmio/src/pointer.rs", "the one pointer to registers"),
    ("tools/twin/src/", "libc calls for the TAP, and the executor's waking function"),
    ("tools/usbredir/src/tap.rs", "one ioctl for the TAP"),
    ("tools/e2e/src/", "libc calls: pseudo-terminals, network namespaces"),
];

/// One line of the house rules.
struct Layer {
    /// Who.
    from: &'static str,
    /// May not use this.
    never: &'static str,
    /// Except this.
    except: &'static [&'static str],
    /// Do dependencies for tests count too?
    in_tests: bool,
}

const fn layer(from: &'static str, never: &'static str) -> Layer {
    Layer { from, never, except: &[], in_tests: true }
}

/// The USB types and what they rest on: the only drivers that other drivers and the models may
/// know.
const USB_BASE: [&str; 3] = ["drivers/usb", "drivers/mmio", "drivers/dma"];

const LAYERS: [Layer; 10] = [
    layer("firmware", "drivers"),
    layer("firmware", "boards"),
    Layer { in_tests: false, ..layer("firmware", "tools") },
    layer("drivers", "firmware"),
    layer("drivers", "boards"),
    Layer { in_tests: false, ..layer("drivers", "tools") },
    // A device driver does not know another one; in its tests it may.
    Layer { except: &USB_BASE, in_tests: false, ..layer("drivers", "drivers") },
    // Model and driver are two independent readings of the data sheet.
    Layer { except: &USB_BASE, in_tests: false, ..layer("tools/models", "drivers") },
    Layer { in_tests: false, ..layer("tools/models", "firmware") },
    layer("boards", "tools"),
];

/// The joints of floor 1: drivers/nic chooses among the functions it finds on the bus.
const JOINTS: [(&str, &str); 2] =
    [("drivers/nic", "drivers/cdc-ecm"), ("drivers/nic", "drivers/lan9514")];

fn layers(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &tree.packages {
        for dependency in &package.dependencies {
            if JOINTS.contains(&(package.folder.as_str(), dependency.folder.as_str())) {
                continue;
            }
            let broken = LAYERS.iter().find(|layer| {
                is_in(&package.folder, layer.from)
                    && is_in(&dependency.folder, layer.never)
                    && !layer.except.iter().any(|free| is_in(&dependency.folder, free))
                    && (layer.in_tests || !dependency.dev)
            });
            if broken.is_some() {
                let what = format!("must not depend on {}", dependency.folder);
                found.push(Violation::of(&format!("{}/Cargo.toml", package.folder), what));
            }
        }
    }
    found
}

fn image_without_tools(tree: &Tree) -> Vec<Violation> {
    let find = |folder: &str| tree.packages.iter().find(|package| package.folder == folder);
    let mut found = Vec::new();
    for board in tree.packages.iter().filter(|package| is_in(&package.folder, "boards")) {
        let (mut seen, mut open) = (BTreeSet::new(), vec![board]);
        while let Some(package) = open.pop() {
            for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
                if !seen.insert(dependency.folder.as_str()) {
                    continue;
                }
                if is_in(&dependency.folder, "tools") {
                    let what = format!("{} gets into the image through it", dependency.folder);
                    found.push(Violation::of(&format!("{}/Cargo.toml", package.folder), what));
                }
                open.extend(find(&dependency.folder));
            }
        }
    }
    found
}

fn forbid_unsafe(tree: &Tree) -> Vec<Violation> {
    let has_room = |package: &&Package| {
        UNSAFE_ROOMS.iter().any(|(room, _)| {
            let room = room.trim_end_matches('/');
            is_in(&package.folder, room) || is_in(room, &package.folder)
        })
    };
    let roots = tree.packages.iter().filter(|package| !has_room(package)).flat_map(|p| &p.roots);
    let bare = roots.filter(|root| {
        // A crate whose unit tests must export a symbol may forbid it outside of them.
        let forms = ["#![forbid(unsafe_code)]", "#![cfg_attr(not(test), forbid(unsafe_code))]"];
        tree.file(root).is_some_and(|file| !forms.iter().any(|form| has_token(&file.code, form)))
    });
    bare.map(|root| Violation::of(root, "lacks #![forbid(unsafe_code)]")).collect()
}

fn driver_readme(tree: &Tree) -> Vec<Violation> {
    let drivers = tree.packages.iter().filter(|package| is_in(&package.folder, "drivers"));
    let bare =
        drivers.filter(|driver| !tree.paths.contains(&format!("{}/README.md", driver.folder)));
    bare.map(|driver| Violation::of(&driver.folder, "has no README.md")).collect()
}

fn image_size(tree: &Tree) -> Vec<Violation> {
    match tree.image_bytes {
        Some(bytes) if bytes > LIMIT_BYTES => {
            let what = format!("{bytes} bytes, the limit is {LIMIT_BYTES}");
            vec![Violation::of("target/kernel8.img", what)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Dependency;
    use super::*;

    fn package(folder: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|&(folder, dev)| Dependency { folder: folder.into(), dev })
            .collect();
        Package { folder: folder.into(), roots: vec![format!("{folder}/src/lib.rs")], dependencies }
    }

    fn with(packages: impl Into<Vec<Package>>) -> Tree {
        Tree { packages: packages.into(), ..Tree::default() }
    }

    #[test]
    fn a_dependency_that_looks_up_is_found() {
        for (from, to, dev) in [
            ("firmware", "drivers/usb", false),
            ("firmware", "drivers/usb", true),
            ("firmware", "boards/rpi3", false),
            ("firmware/tcp", "drivers/usb", false),
            ("firmware", "tools/models", false),
            ("drivers/dwc2", "firmware", true),
            ("drivers/dwc2", "boards/rpi3", false),
            ("drivers/dwc2", "tools/models", false),
            ("drivers/lan9514", "drivers/dwc2", false),
            ("drivers/nic", "drivers/dwc2", false),
            ("tools/models", "drivers/dwc2", false),
            ("tools/models", "firmware", false),
            ("boards/rpi3", "tools/twin", false),
        ] {
            let found = layers(&with([package(from, &[(to, dev)])]));
            assert_eq!(found.len(), 1, "{from} -> {to}");
            assert_eq!(found[0].to_string(), format!("{from}/Cargo.toml: must not depend on {to}"));
        }
    }

    #[test]
    fn the_house_as_drawn_is_clean() {
        let tree = with([
            package("firmware", &[("firmware/tcp", false), ("tools/models", true)]),
            package("drivers/usb", &[("drivers/mmio", false), ("drivers/dma", false)]),
            package("drivers/dwc2", &[("drivers/usb", false), ("tools/models", true)]),
            package("drivers/nic", &[("drivers/usb", false), ("drivers/cdc-ecm", false)]),
            package("boards/rpi3", &[("firmware", false), ("drivers/dwc2", false)]),
            package("tools/models", &[("drivers/usb", false), ("drivers/dwc2", true)]),
            package("tools/twin", &[("firmware", false), ("drivers/dwc2", false)]),
        ]);
        assert_eq!(layers(&tree), []);
        assert_eq!(image_without_tools(&tree), []);
    }

    #[test]
    fn a_tool_gets_into_the_image_by_no_detour() {
        let tree = with([
            package("boards/rpi3", &[("drivers/usb", false)]),
            package("drivers/usb", &[("tools/models", false)]),
        ]);
        assert_eq!(
            image_without_tools(&tree)[0].to_string(),
            "drivers/usb/Cargo.toml: tools/models gets into the image through it"
        );
    }

    #[test]
    fn a_crate_without_room_for_unsafe_says_so() {
        let files = |text| {
            let mut tree = Tree::of([("firmware/src/lib.rs", text)]);
            tree.packages = vec![package("firmware", &[])];
            tree
        };
        assert_eq!(forbid_unsafe(&files("//! F.\n#![forbid(unsafe_code)]")), []);
        assert_eq!(forbid_unsafe(&files("//! #![forbid(unsafe_code)]")).len(), 1);
        let mut mmio = Tree::of([("drivers/mmio/src/lib.rs", "//! M.")]);
        mmio.packages = vec![package("drivers/mmio", &[])];
        assert_eq!(forbid_unsafe(&mmio), []);
    }

    #[test]
    fn a_driver_without_readme_is_found() {
        let mut tree = Tree::of([("drivers/usb/README.md", "# usb")]);
        tree.packages = vec![package("drivers/usb", &[]), package("drivers/dma", &[])];
        assert_eq!(driver_readme(&tree), [Violation::of("drivers/dma", "has no README.md")]);
    }

    #[test]
    fn an_image_above_the_limit_is_found() {
        let image = |image_bytes| Tree { image_bytes, ..Tree::default() };
        assert_eq!(image_size(&image(None)), []);
        assert_eq!(image_size(&image(Some(LIMIT_BYTES))), []);
        assert_eq!(image_size(&image(Some(LIMIT_BYTES + 1))).len(), 1);
    }
}
