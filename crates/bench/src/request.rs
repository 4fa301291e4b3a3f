//! Requests as bytes, and the little that is read of answers.

use std::io::Write;

/// Writes a request with a JSON body.
pub fn post(request: &mut Vec<u8>, path: std::fmt::Arguments<'_>, bearer: Option<&str>, body: std::fmt::Arguments<'_>) {
    // The length stands before the body; a digit more than any body here needs.
    const ROOM: usize = 7;
    write(request, format_args!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"));
    if let Some(secret) = bearer {
        write(request, format_args!("authorization: Bearer {secret}\r\n"));
    }
    write(request, format_args!("content-length: "));
    let length = request.len();
    write(request, format_args!("{:ROOM$}\r\n\r\n", 0));
    let start = request.len();
    write(request, format_args!("{body}"));
    let digits = format!("{:0ROOM$}", request.len() - start);
    request[length..length + ROOM].copy_from_slice(digits.as_bytes());
}

/// Writes a request without a body.
pub fn get(request: &mut Vec<u8>, target: std::fmt::Arguments<'_>, authorization: Option<&str>) {
    write(request, format_args!("GET {target} HTTP/1.1\r\nhost: bench\r\n"));
    if let Some(text) = authorization {
        write(request, format_args!("authorization: {text}\r\n"));
    }
    write(request, format_args!("\r\n"));
}

/// Writes an activation of a code by a device.
pub fn activate(request: &mut Vec<u8>, product: &str, code: &str, device: &str) {
    post(
        request,
        format_args!("/device/v1/activations"),
        None,
        format_args!(r#"{{"product":"{product}","code":"{code}","device":{{"id":"{device}"}}}}"#),
    );
}

fn write(request: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into memory does not fail.
    let _ = request.write_fmt(text);
}

/// The first member of this name, if it is a text without escapes.
pub fn text(body: &[u8], name: &str) -> Option<String> {
    let rest = after(body, name)?.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    String::from_utf8(rest[..end].to_vec()).ok()
}

/// The first member of this name, if it is a whole number.
pub fn number(body: &[u8], name: &str) -> Option<u64> {
    let rest = after(body, name)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

fn after<'a>(body: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let named = |at: usize| {
        let rest = body[at..].strip_prefix(b"\"")?.strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"\":")
    };
    (0..body.len()).filter(|at| body[*at] == b'"').find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_the_length_of_its_body() {
        let mut request = Vec::new();
        post(&mut request, format_args!("/x"), Some("s"), format_args!("{{\"a\":{}}}", 12));
        let text = String::from_utf8(request).expect("text");
        assert!(text.contains("content-length: 0000008\r\n\r\n{\"a\":12}"), "{text}");
        assert!(text.contains("authorization: Bearer s\r\n"));
    }

    #[test]
    fn members_are_found_by_name() {
        let body = br#"{"activation":"act_1","lease":{"number":12,"x":"number"}}"#;
        assert_eq!(text(body, "activation").as_deref(), Some("act_1"));
        assert_eq!(number(body, "number"), Some(12));
        assert_eq!(number(body, "activation"), None);
    }
}
