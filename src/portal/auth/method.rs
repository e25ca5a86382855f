//! The ways to get a token, by name.

/// The API that tokens are for, in the form of the v1 endpoint; v2 adds `/.default`.
pub(crate) const RESOURCE: &str = "https://cloudpartner.azure.com";

/// A way to get a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `OFFERCTL_TOKEN`, as it stands.
    Token,
    /// `AZURE_CLIENT_SECRET`.
    ClientSecret,
    /// `AZURE_CLIENT_CERTIFICATE_PATH`.
    ClientCertificate,
    /// `AZURE_FEDERATED_TOKEN_FILE`, as Kubernetes mounts it.
    WorkloadIdentity,
    /// The OIDC token of a GitHub Actions job.
    GitHub,
    /// The identity of a virtual machine, an App Service or a container app.
    ManagedIdentity,
    /// `az account get-access-token`.
    AzureCli,
    /// None: a word of ours, for a portal that takes any.
    Placeholder,
}

impl Method {
    /// Every method that can be asked for, in the order in which they are tried.
    pub(crate) const ALL: [Self; 7] = [
        Self::Token,
        Self::ClientSecret,
        Self::ClientCertificate,
        Self::WorkloadIdentity,
        Self::GitHub,
        Self::ManagedIdentity,
        Self::AzureCli,
    ];

    /// The word for it on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::ClientSecret => "client-secret",
            Self::ClientCertificate => "client-certificate",
            Self::WorkloadIdentity => "workload-identity",
            Self::GitHub => "github",
            Self::ManagedIdentity => "managed-identity",
            Self::AzureCli => "azure-cli",
            Self::Placeholder => "none",
        }
    }

    /// What makes it the one that is used, for people.
    pub(crate) fn basis(self) -> &'static str {
        match self {
            Self::Token => "OFFERCTL_TOKEN",
            Self::ClientSecret => "AZURE_CLIENT_SECRET",
            Self::ClientCertificate => "AZURE_CLIENT_CERTIFICATE_PATH",
            Self::WorkloadIdentity => "AZURE_FEDERATED_TOKEN_FILE",
            Self::GitHub => "ACTIONS_ID_TOKEN_REQUEST_URL",
            Self::ManagedIdentity => "the identity of this machine",
            Self::AzureCli => "az account get-access-token",
            Self::Placeholder => "a portal on this machine needs none",
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token => f.write_str(self.basis()),
            _ => write!(f, "{} ({})", self.word(), self.basis()),
        }
    }
}

impl std::str::FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|method| method.word().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("unknown method; expected {}", Self::ALL.map(Self::word).join(", ")))
    }
}

/// Which of the directory's two token endpoints is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum AuthorityVersion {
    /// `/oauth2/token`, with a resource.
    V1,
    /// `/oauth2/v2.0/token`, with a scope.
    #[default]
    V2,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for method in Method::ALL {
            assert_eq!(method.word().parse(), Ok(method));
        }
        assert!("magic".parse::<Method>().is_err_and(|error| error.contains("client-secret")));
    }
}
