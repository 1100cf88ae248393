-- Whether a record comes out of a browser: by the SDK's language, or by the scope of OpenTelemetry's packages, as a service that names its
-- resource itself may have dropped the language.
create macro of_browser(language, scope) as
    coalesce(language = 'webjs' or scope like '%browser%' or scope like '%/instrumentation-web-exception', false);
