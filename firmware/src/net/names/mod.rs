//! What names mean: of hosts ([`resolver`], [`dns`]) and of ports ([`services`]).

pub mod dns;
pub mod resolver;
pub mod services;
