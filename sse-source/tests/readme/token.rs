use reqwest::Client;
use sse_source::{BoxError, EventSource, Final};

async fn new_token(client: &Client, url: &str) -> Result<String, BoxError> {
    let response = client.post(format!("{url}/login")).send().await?;
    if response.status() == 403 {
        return Err(Final("the account is locked".into()).into());
    }
    Ok(response.text().await?)
}

fn with_token(client: Client, url: String) -> EventSource {
    let token = std::sync::Arc::new(tokio::sync::Mutex::new(None));
    EventSource::new(move |attempt| {
        let (client, url, token) = (client.clone(), url.clone(), token.clone());
        async move {
            let mut token = token.lock().await;
            if token.is_none() || attempt.refused.is_some_and(|status| status == 401) {
                *token = Some(new_token(&client, &url).await?);
            }
            let bearer = token.clone().unwrap_or_default();
            let request = client.get(format!("{url}/private")).headers(attempt.headers);
            Ok::<_, BoxError>(request.bearer_auth(bearer).send().await?)
        }
    })
    .retry_when(|error, failures| {
        let renew = error.response().is_some_and(|response| response.status() == 401);
        error.is_temporary() || renew && failures < 3
    })
}
