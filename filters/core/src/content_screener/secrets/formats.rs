//! The formats, a row each: what a secret begins with and what follows.
//!
//! Sources: the issuers' documentation of their tokens, and the rules scanners of repositories
//! have in common. Checksums inside tokens are not asked for: a token with one letter missing
//! or a format's next version should not pass, and the shape alone raises no false alarms.

use core::ops::Range;

use super::alphabet::{
    Run, alphanumeric, base64, dotted, hex, lower_hex, upper, url_safe, url_safe_padded,
};
use super::{connection, jwt, named_keys, private_key};
use crate::content_screener::bytes::Bytes;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// A kind of secret.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// The kind's name in the configuration and in what is reported.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    /// The id of an Amazon Web Services key.
    AwsAccessKey = "aws_access_key",
    /// The secret half of an Amazon Web Services key, named by what stands before it.
    AwsSecretKey = "aws_secret_key",
    /// A key of Amazon Bedrock.
    AwsBedrockKey = "aws_bedrock_key",
    /// A key of Azure OpenAI and Azure's other AI services.
    AzureAiKey = "azure_ai_key",
    /// 32 hexadecimal digits that are called a key, as Azure's services and many others have.
    ApiKey = "api_key",
    /// A client secret of Microsoft Entra ID.
    AzureClientSecret = "azure_client_secret",
    /// The account key in a connection string of Azure Storage or Cosmos DB.
    AzureStorageKey = "azure_storage_key",
    /// The key in a connection string of Azure Service Bus, Event Hubs or IoT Hub.
    AzureSharedAccessKey = "azure_shared_access_key",
    /// The signature of a shared access signature.
    AzureSas = "azure_sas",
    /// A key of Azure AI Search.
    AzureSearchKey = "azure_search_key",
    /// A Google API key.
    GoogleApiKey = "google_api_key",
    /// A Google OAuth access token.
    GoogleOauthToken = "google_oauth_token",
    /// A client secret of Google OAuth.
    GoogleClientSecret = "google_client_secret",
    /// A key of OpenAI, or of one of those who took over its form.
    OpenaiKey = "openai_key",
    /// A key of Anthropic.
    AnthropicKey = "anthropic_key",
    /// A key of another provider of models.
    ModelProviderKey = "model_provider_key",
    /// A token of GitHub.
    GithubToken = "github_token",
    /// A token of GitLab.
    GitlabToken = "gitlab_token",
    /// A token of Slack.
    SlackToken = "slack_token",
    /// The address of a Slack webhook.
    SlackWebhook = "slack_webhook",
    /// A key of Stripe, or the secret of its webhooks.
    StripeKey = "stripe_key",
    /// A key or an account of Twilio.
    TwilioKey = "twilio_key",
    /// A key of SendGrid.
    SendgridKey = "sendgrid_key",
    /// A key of Mailgun.
    MailgunKey = "mailgun_key",
    /// A token of npm.
    NpmToken = "npm_token",
    /// A token of PyPI.
    PypiToken = "pypi_token",
    /// A token of Hugging Face.
    HuggingFaceToken = "hugging_face_token",
    /// A token of DigitalOcean.
    DigitaloceanToken = "digitalocean_token",
    /// A token of Databricks.
    DatabricksToken = "databricks_token",
    /// A token of Shopify.
    ShopifyToken = "shopify_token",
    /// A token of a Telegram bot.
    TelegramToken = "telegram_token",
    /// A token of a Discord bot.
    DiscordToken = "discord_token",
    /// The address of a Discord webhook.
    DiscordWebhook = "discord_webhook",
    /// A token of Atlassian.
    AtlassianToken = "atlassian_token",
    /// A token of HashiCorp Vault.
    VaultToken = "vault_token",
    /// A token of HCP Terraform.
    TerraformToken = "terraform_token",
    /// A token of Docker Hub.
    DockerToken = "docker_token",
    /// A token of one of the many others.
    VendorToken = "vendor_token",
    /// A private key as PEM or as PGP armor.
    PrivateKey = "private_key",
    /// A JSON web token.
    Jwt = "jwt",
    /// The password in the address of a database or a queue.
    ConnectionString = "connection_string",
}

impl Kind {
    /// The kind called `name` in the configuration.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// What follows the literal.
pub(super) enum Rest {
    /// A run of characters.
    Run(Run),
    /// What a function reads; it gives the end.
    Then(fn(Bytes<'_>, usize) -> Option<usize>),
    /// The literal, in any case, only names the secret: a function finds where it is.
    Named(fn(Bytes<'_>, usize) -> Option<Range<usize>>),
}

pub(super) struct Format {
    pub(super) kind: Kind,
    /// Begins with letters or digits.
    pub(super) literal: &'static str,
    pub(super) rest: Rest,
}

const fn run(
    kind: Kind,
    literal: &'static str,
    alphabet: fn(u8) -> bool,
    least: usize,
    most: usize,
) -> Format {
    let rest = Rest::Run(Run {
        alphabet,
        least,
        most,
    });
    Format {
        kind,
        literal,
        rest,
    }
}

const fn then(
    kind: Kind,
    literal: &'static str,
    read: fn(Bytes<'_>, usize) -> Option<usize>,
) -> Format {
    Format {
        kind,
        literal,
        rest: Rest::Then(read),
    }
}

const fn named(
    kind: Kind,
    literal: &'static str,
    find: fn(Bytes<'_>, usize) -> Option<Range<usize>>,
) -> Format {
    Format {
        kind,
        literal,
        rest: Rest::Named(find),
    }
}

use Kind::*;

/// Where two begin alike the longer literal stands first.
pub(super) const FORMATS: &[Format] = &[
    run(AwsAccessKey, "AKIA", upper, 16, 16),
    run(AwsAccessKey, "ASIA", upper, 16, 16),
    run(AwsAccessKey, "ABIA", upper, 16, 16),
    run(AwsAccessKey, "ACCA", upper, 16, 16),
    run(AwsBedrockKey, "ABSK", url_safe_padded, 109, 272),
    run(AwsBedrockKey, "bedrock-api-key-", url_safe_padded, 40, 600),
    named(AwsSecretKey, "aws", named_keys::after_aws_name),
    named(AwsSecretKey, "secretAccessKey", named_keys::after_aws_name),
    named(
        AwsSecretKey,
        "secret_access_key",
        named_keys::after_aws_name,
    ),
    named(AzureStorageKey, "AccountKey=", named_keys::account_key),
    named(
        AzureSharedAccessKey,
        "SharedAccessKey=",
        named_keys::shared_access_key,
    ),
    named(AzureSas, "sig=", named_keys::signature),
    run(GoogleApiKey, "AIza", url_safe, 35, 35),
    run(GoogleOauthToken, "ya29.", dotted, 30, 600),
    run(GoogleClientSecret, "GOCSPX-", url_safe, 24, 40),
    run(AnthropicKey, "sk-ant-", url_safe, 32, 200),
    run(ModelProviderKey, "sk-or-v1-", lower_hex, 64, 64),
    run(OpenaiKey, "sk-proj-", url_safe, 40, 250),
    run(OpenaiKey, "sk-svcacct-", url_safe, 40, 250),
    run(OpenaiKey, "sk-admin-", url_safe, 40, 250),
    run(OpenaiKey, "sk-", alphanumeric, 32, 64),
    run(ModelProviderKey, "gsk_", alphanumeric, 48, 60),
    run(ModelProviderKey, "xai-", alphanumeric, 70, 90),
    run(ModelProviderKey, "pplx-", alphanumeric, 40, 64),
    run(ModelProviderKey, "r8_", alphanumeric, 37, 40),
    run(GithubToken, "ghp_", alphanumeric, 36, 255),
    run(GithubToken, "gho_", alphanumeric, 36, 255),
    run(GithubToken, "ghu_", alphanumeric, 36, 255),
    run(GithubToken, "ghs_", alphanumeric, 36, 600),
    run(GithubToken, "ghr_", alphanumeric, 36, 255),
    run(GithubToken, "github_pat_", url_safe, 82, 255),
    run(GitlabToken, "glpat-", dotted, 20, 320),
    run(GitlabToken, "gldt-", dotted, 20, 320),
    run(GitlabToken, "glrt-", dotted, 20, 320),
    run(GitlabToken, "glrtr-", dotted, 20, 320),
    run(GitlabToken, "glcbt-", dotted, 20, 320),
    run(GitlabToken, "glptt-", dotted, 20, 320),
    run(GitlabToken, "glft-", dotted, 20, 320),
    run(GitlabToken, "glimt-", dotted, 20, 320),
    run(GitlabToken, "glagent-", dotted, 20, 320),
    run(GitlabToken, "gloas-", dotted, 20, 320),
    run(GitlabToken, "glsoat-", dotted, 20, 320),
    run(SlackToken, "xoxa-", url_safe, 20, 250),
    run(SlackToken, "xoxb-", url_safe, 20, 250),
    run(SlackToken, "xoxe-", url_safe, 20, 250),
    run(SlackToken, "xoxe.xoxb-", url_safe, 20, 250),
    run(SlackToken, "xoxe.xoxp-", url_safe, 20, 250),
    run(SlackToken, "xoxo-", url_safe, 20, 250),
    run(SlackToken, "xoxp-", url_safe, 20, 250),
    run(SlackToken, "xoxr-", url_safe, 20, 250),
    run(SlackToken, "xoxs-", url_safe, 20, 250),
    run(SlackToken, "xapp-", url_safe, 30, 250),
    then(SlackWebhook, "hooks.slack.com/", slack_webhook),
    run(StripeKey, "sk_live_", alphanumeric, 20, 250),
    run(StripeKey, "sk_test_", alphanumeric, 20, 250),
    run(StripeKey, "rk_live_", alphanumeric, 20, 250),
    run(StripeKey, "rk_test_", alphanumeric, 20, 250),
    run(StripeKey, "whsec_", base64, 32, 64),
    then(SendgridKey, "SG.", sendgrid),
    run(MailgunKey, "key-", lower_hex, 32, 32),
    run(NpmToken, "npm_", alphanumeric, 36, 36),
    run(PypiToken, "pypi-AgE", url_safe, 50, 600),
    run(HuggingFaceToken, "hf_", alphanumeric, 34, 40),
    run(HuggingFaceToken, "api_org_", alphanumeric, 34, 40),
    run(DigitaloceanToken, "dop_v1_", lower_hex, 64, 64),
    run(DigitaloceanToken, "doo_v1_", lower_hex, 64, 64),
    run(DigitaloceanToken, "dor_v1_", lower_hex, 64, 64),
    then(DatabricksToken, "dapi", databricks),
    run(ShopifyToken, "shpat_", hex, 32, 32),
    run(ShopifyToken, "shpca_", hex, 32, 32),
    run(ShopifyToken, "shppa_", hex, 32, 32),
    run(ShopifyToken, "shpss_", hex, 32, 32),
    then(DiscordWebhook, "discord.com/api/webhooks/", discord_webhook),
    then(
        DiscordWebhook,
        "discordapp.com/api/webhooks/",
        discord_webhook,
    ),
    run(AtlassianToken, "ATATT3", url_safe_padded, 60, 260),
    run(AtlassianToken, "ATCTT3", url_safe_padded, 60, 260),
    run(AtlassianToken, "ATBB", alphanumeric, 32, 36),
    run(VaultToken, "hvs.", url_safe, 24, 250),
    run(VaultToken, "hvb.", url_safe, 24, 300),
    run(VaultToken, "hvr.", url_safe, 24, 250),
    named(TerraformToken, "atlasv1.", terraform),
    run(DockerToken, "dckr_pat_", url_safe, 27, 40),
    run(DockerToken, "dckr_oat_", url_safe, 27, 40),
    run(VendorToken, "AGE-SECRET-KEY-1", upper, 58, 58),
    run(VendorToken, "LTAI", alphanumeric, 16, 20),
    run(VendorToken, "PMAK-", url_safe, 59, 59),
    run(VendorToken, "NRAK-", upper, 27, 27),
    run(VendorToken, "HRKU-AA", url_safe, 58, 58),
    run(VendorToken, "lin_api_", alphanumeric, 40, 40),
    run(VendorToken, "ntn_", alphanumeric, 46, 46),
    run(VendorToken, "glsa_", url_safe, 41, 41),
    run(VendorToken, "glc_eyJ", url_safe_padded, 60, 500),
    run(VendorToken, "sntrys_eyJ", url_safe_padded, 80, 500),
    run(VendorToken, "sntryu_", lower_hex, 64, 64),
    run(VendorToken, "figd_", url_safe, 40, 50),
    run(VendorToken, "dp.pt.", alphanumeric, 43, 43),
    run(VendorToken, "pul-", lower_hex, 40, 40),
    run(VendorToken, "pscale_tkn_", dotted, 32, 64),
    run(VendorToken, "pscale_pw_", dotted, 32, 64),
    run(VendorToken, "sbp_", lower_hex, 40, 40),
    run(VendorToken, "fo1_", url_safe, 43, 43),
    run(VendorToken, "lsv2_pt_", url_safe, 40, 50),
    run(VendorToken, "lsv2_sk_", url_safe, 40, 50),
    run(VendorToken, "rubygems_", lower_hex, 48, 48),
    run(VendorToken, "EZAK", alphanumeric, 54, 54),
    named(PrivateKey, "BEGIN ", private_key::block),
    named(Jwt, "eyJ", jwt::token),
    named(ConnectionString, "postgres://", connection::password),
    named(ConnectionString, "postgresql://", connection::password),
    named(ConnectionString, "mysql://", connection::password),
    named(ConnectionString, "mssql://", connection::password),
    named(ConnectionString, "mongodb://", connection::password),
    named(ConnectionString, "mongodb+srv://", connection::password),
    named(ConnectionString, "redis://", connection::password),
    named(ConnectionString, "rediss://", connection::password),
    named(ConnectionString, "amqp://", connection::password),
    named(ConnectionString, "amqps://", connection::password),
];

/// `hooks.slack.com/services/T…/B…/…`, and the same of workflows and triggers.
fn slack_webhook(text: Bytes<'_>, from: usize) -> Option<usize> {
    let kinds: [&[u8]; 3] = [b"services/", b"workflows/", b"triggers/"];
    let kind = kinds.into_iter().find(|kind| text.has(from, kind))?;
    let path = Run {
        alphabet: |b| b.is_ascii_alphanumeric() || b == b'/',
        least: 36,
        most: 120,
    };
    path.end(text, from.saturating_add(kind.len()))
}

/// `SG.`, 22 characters, a dot and 43 more.
fn sendgrid(text: Bytes<'_>, from: usize) -> Option<usize> {
    let dot = text.run(from, 23, url_safe);
    let tail = Run {
        alphabet: url_safe,
        least: 43,
        most: 43,
    };
    (dot.wrapping_sub(from) == 22 && text.at(dot) == b'.')
        .then(|| tail.end(text, dot.wrapping_add(1)))
        .flatten()
}

/// 32 digits, and perhaps the number of a rotation: `-2`.
fn databricks(text: Bytes<'_>, from: usize) -> Option<usize> {
    let digits = Run {
        alphabet: lower_hex,
        least: 32,
        most: 32,
    };
    let end = digits.end(text, from)?;
    let rotation = end.wrapping_add(2);
    let rotated = text.at(end) == b'-'
        && text.before(rotation, 1).is_ascii_digit()
        && !text.at(rotation).is_ascii_alphanumeric();
    Some(if rotated { rotation } else { end })
}

/// The id of the webhook and its token.
fn discord_webhook(text: Bytes<'_>, from: usize) -> Option<usize> {
    let slash = text.run(from, 21, |b| b.is_ascii_digit());
    let token = Run {
        alphabet: url_safe,
        least: 60,
        most: 72,
    };
    ((17..=20).contains(&slash.wrapping_sub(from)) && text.at(slash) == b'/')
        .then(|| token.end(text, slash.wrapping_add(1)))
        .flatten()
}

/// 14 characters before `.atlasv1.`, 60 to 70 behind it.
fn terraform(text: Bytes<'_>, at: usize) -> Option<Range<usize>> {
    let dot = at.checked_sub(1)?;
    let start = text.run_back(dot, 15, |b| b.is_ascii_alphanumeric());
    let tail = Run {
        alphabet: url_safe_padded,
        least: 60,
        most: 72,
    };
    let end = tail.end(text, at.saturating_add(b"atlasv1.".len()))?;
    (text.at(dot) == b'.' && dot.wrapping_sub(start) == 14).then_some(start..end)
}
