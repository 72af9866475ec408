/* config.action_items of a request: the options of step action_items. */
#ifndef MLI_LAB_SCHEMA_ACTION_ITEMS_H
#define MLI_LAB_SCHEMA_ACTION_ITEMS_H

#define MLI_SCHEMA_action_items                                                                    \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"provider\":{\"enum\":[\"embedded\",\"remote\"],\"default\":\"embedded\"}}}"

#endif
