//! The other end of the offline way: a computer with a connection hands in what a device without one has written.

use serde_json::json;

use crate::config::Config;
use crate::error::Error;
use crate::http::{Server, With};
use crate::wire::{Answer, Anything};

/// Hands in an offline request and gives the answer to carry back.
pub fn carry_request(server: &str, request: &str) -> Result<String, Error> {
    let answer: Answer =
        connect(server)?.post("offline/activations", With::default(), &json!({"request": request.trim()}))?;
    Ok(answer.answer)
}

/// Hands in a proof of return.
pub fn carry_return(server: &str, proof: &str) -> Result<(), Error> {
    connect(server)?.post::<Anything>("offline/returns", With::default(), &json!({"proof": proof.trim()})).map(drop)
}

fn connect(server: &str) -> Result<Server, Error> {
    Server::new(&Config::new(server, "", ""))
}
