-- The device of an event: what its user agent says and what was sent of it, as JSON; {} where nothing is known.
create macro told_device(event) as
    json_merge_patch(
        json_merge_patch('{}', json_object(
            'device_type', event.device_type, 'browser', event.browser, 'browser_version', event.browser_version,
            'os', event.os, 'os_version', event.os_version
        )),
        coalesce(event.device_attributes, '{}')
    );
