//! What names mean: of hosts ([`resolver`], [`dns`], [`search`]) and of ports ([`services`]).

pub mod dns;
pub mod resolver;
pub mod search;
pub mod services;
