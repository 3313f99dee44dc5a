import boto3
from botocore.config import Config

config = Config(region_name="us-east-1", s3={"us_east_1_regional_endpoint": "regional"}, retries={"max_attempts": 2, "mode": "standard"})
s3, functions = boto3.client("s3", config=config), boto3.client("lambda", config=config)


def tries(what, call, **params):
    try:
        call(**params)
        print(what, "done")
    except Exception as e:
        print(what, e)


tries("upload", s3.put_object, Bucket="staging-bucket", Key="releases/app 1.zip", Body=b"zip" * 1000)
tries("code", functions.update_function_code, FunctionName="staging-api", ZipFile=b"zip")
tries("public", s3.put_object, Bucket="staging-bucket", Key="app.zip", Body=b"zip", ACL="public-read")
tries("elsewhere", s3.put_object, Bucket="prod-bucket", Key="app.zip", Body=b"zip")
tries("buckets", s3.list_buckets)
tries("clean", s3.delete_objects, Bucket="staging-bucket", Delete={"Objects": [{"Key": "a"}]})
tries("production", functions.update_function_code, FunctionName="prod-api", ZipFile=b"zip")
