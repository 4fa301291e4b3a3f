//! Encryption: whom to trust, and how a password is tied to the connection it was meant for.

use crate::OpenError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

pub(crate) type Encrypted<S> = StreamOwned<ClientConnection, S>;

/// Encrypts connections to servers whose certificate an authority vouches for.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the authorities in the file, or else the system's. `needed` refuses a system that has none.
    pub(crate) fn new(ca_file: Option<&Path>, needed: bool) -> Result<Tls, OpenError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| OpenError::Certificates { reason: error.to_string() })?
            .with_root_certificates(roots(ca_file, needed)?)
            .with_no_client_auth();
        Ok(Tls(Arc::new(config)))
    }

    /// Agrees on keys with the server and verifies that its certificate names `host`.
    pub(crate) fn encrypt<S: Read + Write>(&self, mut socket: S, host: &str) -> io::Result<Encrypted<S>> {
        let unfit = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unfit(&error))?;
        let mut session = ClientConnection::new(Arc::clone(&self.0), name).map_err(|error| unfit(&error))?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(session, socket))
    }
}

fn roots(ca_file: Option<&Path>, needed: bool) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut store, path)?,
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() && needed {
        return Err(OpenError::Certificates { reason: "the system has none; name a file".into() });
    }
    Ok(store)
}

fn add_file(store: &mut RootCertStore, path: &Path) -> Result<(), OpenError> {
    let unusable =
        |reason: &dyn std::fmt::Display| OpenError::Certificates { reason: format!("{}: {reason}", path.display()) };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        store.add(certificate).map_err(|error| unusable(&error))?;
    }
    if store.is_empty() { Err(unusable(&"holds no certificate")) } else { Ok(()) }
}

/// The hash of the server's certificate that a password is tied to (RFC 5929, `tls-server-end-point`): with the hash
/// that the certificate itself is signed with, but no weaker than SHA-256. `None` for signatures that have no such hash.
pub(crate) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01";
    const ECDSA: &[u8] = b"\x2a\x86\x48\xce\x3d\x04";
    let algorithm = signature_algorithm(certificate)?;
    match algorithm.strip_prefix(RSA).or_else(|| algorithm.strip_prefix(ECDSA))? {
        // MD5, SHA-1 and SHA-256 with RSA; SHA-1 and SHA-256 with ECDSA.
        [4 | 5 | 11] | [1] | [3, 2] => Some(Sha256::digest(certificate).to_vec()),
        [12] | [3, 3] => Some(Sha384::digest(certificate).to_vec()),
        [13] | [3, 4] => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// A certificate is a sequence of what is signed, the algorithm (a sequence that begins with its number), the signature.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const NUMBER: u8 = 0x06;
    let (inside, _) = element(certificate, SEQUENCE)?;
    let (_, behind) = element(inside, SEQUENCE)?;
    let (algorithm, _) = element(behind, SEQUENCE)?;
    element(algorithm, NUMBER).map(|(number, _)| number)
}

/// The content of the DER element at the beginning, and what comes behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*length) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (digits, rest) = rest.split_at_checked(long - 0x80).filter(|(digits, _)| digits.len() <= 4)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length).filter(|_| *found == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(algorithm: &[u8], body: usize) -> Vec<u8> {
        let sequence = |content: Vec<u8>| {
            let length = (content.len() as u32).to_be_bytes();
            [&[0x30, 0x84][..], &length, &content].concat()
        };
        let number = [&[6, algorithm.len() as u8][..], algorithm].concat();
        sequence([sequence(vec![7; body]), sequence(number), vec![3, 1, 0]].concat())
    }

    #[test]
    fn the_hash_is_the_one_of_the_signature_and_never_weaker_than_sha_256() {
        let rsa = |last: u8| [b"\x2a\x86\x48\x86\xf7\x0d\x01\x01", &[last][..]].concat();
        let ecdsa = |last: u8| [b"\x2a\x86\x48\xce\x3d\x04\x03", &[last][..]].concat();
        for (algorithm, length) in
            [(rsa(5), 32), (rsa(11), 32), (rsa(12), 48), (rsa(13), 64), (ecdsa(2), 32), (ecdsa(3), 48), (ecdsa(4), 64)]
        {
            let hash = end_point(&certificate(&algorithm, 300)).expect("a hash");
            assert_eq!(hash.len(), length, "{algorithm:?}");
        }
        let ed25519 = b"\x2b\x65\x70";
        assert_eq!(end_point(&certificate(ed25519, 300)), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_hash() {
        let whole = certificate(b"\x2a\x86\x48\xce\x3d\x04\x03\x02", 20);
        for length in 0..whole.len() {
            assert_eq!(end_point(&whole[..length]), None, "{length}");
        }
        assert_eq!(end_point(b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
