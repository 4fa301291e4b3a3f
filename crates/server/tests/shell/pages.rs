//! Health, metrics and the documents' pages.

use crate::harness::{Running, brisk};

#[tokio::test]
async fn health_readiness_and_metrics_answer() {
    let server = Running::start(brisk()).await;
    assert!(server.get("/healthz").await.ends_with("\r\n\r\nalive\n"));
    assert!(server.get("/readyz").await.ends_with("\r\n\r\nready\n"));
    let metrics = server.get("/metrics").await;
    assert!(metrics.contains("lessor_http_requests_total{api=\"health\",status=\"2xx\"}"), "{metrics}");
    assert!(metrics.contains("lessor_http_request_seconds_bucket{api=\"health\",le=\""), "{metrics}");
    assert!(metrics.contains("lessor_connections 1"), "{metrics}");
}

#[tokio::test]
async fn the_start_page_is_the_console() {
    let server = Running::start(brisk()).await;
    let answer = server.get("/").await;
    assert!(answer.starts_with("HTTP/1.1 307 ") && answer.contains("location: /console/\r\n"), "{answer}");
}

#[tokio::test]
async fn the_documents_open_in_pages_that_need_no_network() {
    let server = Running::start(brisk()).await;
    for (path, script) in [
        ("/docs/", "/docs/native/swagger-initializer.js"),
        ("/docs/native", "/docs/native/swagger-initializer.js"),
        ("/docs/other", "/docs/other/swagger-initializer.js"),
    ] {
        let page = server.get(path).await;
        assert!(page.starts_with("HTTP/1.1 200 ") && page.contains(script), "{page}");
        let outward = page.split('"').filter(|part| part.starts_with("http") || part.starts_with("//")).count();
        assert_eq!(outward, 0, "{page}");
        for asset in page.split('"').filter(|part| part.starts_with("/docs/")) {
            let answer = server.get(asset).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{asset}: {}", &answer[..answer.len().min(200)]);
        }
    }
}

#[tokio::test]
async fn each_page_offers_all_documents_and_opens_its_own() {
    let server = Running::start(brisk()).await;
    let script = server.get("/docs/other/swagger-initializer.js").await;
    assert!(script.contains("/docs/native/openapi.json") && script.contains("/docs/other/openapi.json"), "{script}");
    assert!(
        script.contains("\"urls.primaryName\": \"Other\"") && script.contains("\"validatorUrl\": \"none\""),
        "{script}"
    );
    let document = server.get("/docs/other/openapi.json").await;
    assert!(document.contains("content-type: application/json") && document.contains("\"openapi\": \"3.1.0\""));
    assert!(server.get("/docs/nothing").await.starts_with("HTTP/1.1 404 "));
    assert!(server.get("/docs/nothing/openapi.json").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn on_a_host_name_of_its_own_an_api_has_its_pages_where_its_documents_say() {
    let server = Running::start(brisk()).await;
    let page = server.get_from("own.example", "/swagger/index.html").await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("<title>Other</title>"), "{page}");
    for script in page.split('"').filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        let answer =
            server.get_from("own.example:8080", &format!("/swagger/{}", script.trim_start_matches("./"))).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{script}: {}", &answer[..answer.len().min(200)]);
    }
    let script = server.get_from("own.example", "/swagger/swagger-initializer.js").await;
    assert!(script.contains("/swagger/v1/swagger.json") && !script.contains("/docs/"), "{script}");
    let document = server.get_from("own.example", "/swagger/v1/swagger.json").await;
    assert!(document.contains("\"openapi\": \"3.1.0\""), "{document}");
    let short = server.get_from("own.example", "/swagger").await;
    assert!(short.contains("location: /swagger/index.html\r\n"), "{short}");
    assert!(server.get("/swagger/index.html").await.starts_with("HTTP/1.1 404 "));
    assert!(server.get_from("own.example", "/healthz").await.starts_with("HTTP/1.1 200 "));
}
