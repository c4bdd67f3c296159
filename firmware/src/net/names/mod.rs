//! What names mean: of hosts ([`resolver`], [`dns`], [`cache`], [`search`]) and of ports
//! ([`services`]).

mod ask;
pub mod cache;
pub mod dns;
pub mod resolver;
pub mod search;
pub mod services;
