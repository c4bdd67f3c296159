//! The device tree. Input: what is at the address that the board's firmware hands over.

use firmware::config::Config;
use firmware::config::dtb::{bootargs, bytes_of};

/// What is found lies in the tree; a tree that is cut off is refused; what follows it is not looked
/// at.
pub fn check(input: &[u8]) {
    let found = bootargs(input);
    let length = input.first_chunk().and_then(|head| bytes_of(*head).ok());
    match found {
        Err(error) => assert!(error.to_string().starts_with("device tree: ")),
        Ok(line) => {
            let length = length.expect("a tree has a length");
            let tree = &input[..length];
            assert_eq!(bootargs(tree), found, "the bytes behind the tree matter");
            assert!(bootargs(&tree[..length - 1]).is_err(), "a tree that is cut off");
            let Some(line) = line else { return };
            assert!(!line.contains('\0'));
            assert!(line.is_empty() || tree.as_ptr_range().contains(&line.as_ptr()));
            assert_eq!(Config::of_board(Some(input), b"hostname=other"), Config::parse(line));
        }
    }
    let (config, _) = Config::of_board(Some(input), b"");
    assert!(!config.hostname.is_empty());
}
