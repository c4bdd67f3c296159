//! docs/tcp-conformance.md names a test for every requirement; here it is checked.
