-- What a record tells of a PerformanceEntry of the browser: its own names in snake case behind an underscore, NULL where absent or of another
-- type. The packages wrote them under several prefixes; PerformanceNavigationTiming has what it inherits under browser.resource_timing.
create macro performance_entry(attributes) as
    from_json(
        regexp_replace(
            attributes,
            '([{,])"(?:browser\.(?:resource_timing|navigation_timing|long_task|resource)|navigation)\.',
            '\1"_',
            'g'
        ),
        '{
            "_name": "VARCHAR", "_url": "VARCHAR", "_type": "VARCHAR", "_initiator_type": "VARCHAR", "_next_hop_protocol": "VARCHAR",
            "_render_blocking_status": "VARCHAR", "_response_status": "INTEGER",
            "_start_time": "DOUBLE", "_duration": "DOUBLE",
            "_redirect_start": "DOUBLE", "_redirect_end": "DOUBLE", "_fetch_start": "DOUBLE",
            "_domain_lookup_start": "DOUBLE", "_domain_lookup_end": "DOUBLE",
            "_connect_start": "DOUBLE", "_secure_connection_start": "DOUBLE", "_connect_end": "DOUBLE",
            "_request_start": "DOUBLE", "_response_start": "DOUBLE", "_response_end": "DOUBLE",
            "_dom_interactive": "DOUBLE", "_dom_content_loaded_event_start": "DOUBLE", "_load_event_start": "DOUBLE",
            "_load_event_end": "DOUBLE",
            "_transfer_size": "BIGINT", "_encoded_body_size": "BIGINT", "_decoded_body_size": "BIGINT"
        }'
    );
