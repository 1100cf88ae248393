-- The instance of a service: service.instance.id, else host name and process id, as far as they are known.
create macro instance_of(instance, host, resource_attributes) as
    case when instance <> '' then instance
        else nullif(concat_ws('/', host, json_extract_string(resource_attributes, '$."process.pid"')), '')
    end;
